"""What-if on recorded data: a spot trace of "Can't Be Late" (NSDI 2024), and runtimes of Philly's jobs."""

import csv
from pathlib import Path

import pytest

from tests.unit.simulator.whatif.given import report

DATA = Path(__file__).parents[5] / "shared" / "data"
TRACE = DATA / "spot" / "skypilot_spot_traces_rle.parquet"
JOBS = DATA / "jobs" / "philly_job_runtimes_s.parquet"
INFRA = """
clouds:
  aws:
    types:
      p3.2xlarge: {vcpus: 8, memory_gib: 61, accelerators: "V100:1", usd_h: 3.06, spot_usd_h: 0.918}
    regions:
      us-east-2: {zones: [us-east-2a]}
    boot: {takes: 3m}
    notice: 2m
"""
TICK_S = 195

parquet = pytest.importorskip("pyarrow.parquet", reason="the recorded data is in Parquet")
pytestmark = pytest.mark.skipif(not TRACE.exists(), reason="the folder of recorded data is not there")


def test_a_job_on_a_recorded_zone_runs_when_the_zone_has_machines(tmp_path: Path):
    name = "availability/1-node/aws-02-15-2023/us-east-2a_v100_1"
    workload = (
        'jobs: [{task: {run: x, resources: {accelerators: "V100:1", use_spot: true}}, '
        "runs_for: 24h, checkpoint_every: 10m, on_reclaim: 30s}]"
    )
    told = report(tmp_path, workload, INFRA, traces=(f"us-east-2a={TRACE}#{name}",))
    recorded = [row for row in parquet.read_table(TRACE).to_pylist() if row["trace"] == name]
    ends = [
        (row["start_tick"] + row["len_ticks"]) * TICK_S
        for row in recorded
        if row["available"] and (row["start_tick"] + row["len_ticks"]) * TICK_S < told.makespan_s
    ]
    [job] = told.job_list
    assert job.phase == "succeeded"
    # It is at work whenever the zone has a machine, but for boots: no end of a machine passes it by.
    assert len(ends) * 0.7 <= told.reclaims.machines <= len(ends)
    assert told.cost.usd == pytest.approx(told.machine_h * 0.918, rel=1e-4)
    assert 0.65 < 1 - told.cost.usd / told.cost.on_demand_usd < 0.75


def test_recorded_jobs(tmp_path: Path):
    runtimes = parquet.read_table(JOBS).column(0).to_pylist()[:300]
    with (tmp_path / "jobs.csv").open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(("submit_s", "run_s", "gpus"))
        lines.writerows((60 * at, max(float(run_s), 1.0), 1) for at, run_s in enumerate(runtimes))
    workload = "jobs: [{trace: jobs.csv, task: {run: x, resources: {accelerators: V100}}}]"
    told = report(tmp_path, workload, INFRA)
    assert told.jobs.succeeded == 300
    assert sum(job.run_s for job in told.job_list) == pytest.approx(sum(map(float, runtimes)), rel=0.01)
