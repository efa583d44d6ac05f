"""Workloads and infras for the tests of a what-if, small enough to calculate by hand."""

from pathlib import Path

from tradewind.simulator.whatif.report import JobOutcome, Report
from tradewind.simulator.whatif.run import simulate

BOOT_S = 60.0
IDLE_S = 60.0
"""The scheduler keeps a machine so long for the next job."""
SLACK_S = 1.0
"""Commits and messages take a hundredth of a second each."""
USD_H = 3.6
"""A thousandth of a dollar a second."""

INFRA = f"""
clouds:
  one:
    boot: {{takes: {BOOT_S}s}}
    types:
      small: {{vcpus: 4, memory_gib: 16, usd_h: {USD_H}, spot_usd_h: 0.9}}
    regions:
      east: {{zones: [east-a]}}
"""
ONE_JOB = "jobs: [{task: {run: x, resources: {cpus: 4}}, runs_for: 1h}]"
ONE_SPOT_JOB = (
    "jobs: [{task: {run: x, resources: {cpus: 4, use_spot: true}}, runs_for: 1h, checkpoint_every: 10m}]"
)


def reports(tmp_path: Path, workload: str, infra: str = INFRA, **options: object) -> list[Report]:
    files = {"workload.yaml": workload, "infra.yaml": infra}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    return simulate(tmp_path / "workload.yaml", tmp_path / "infra.yaml", **options)  # type: ignore[arg-type] # by name


def report(tmp_path: Path, workload: str, infra: str = INFRA, **options: object) -> Report:
    [one] = reports(tmp_path, workload, infra, **options)
    return one


def only_job(told: Report) -> JobOutcome:
    [job] = told.job_list
    return job
