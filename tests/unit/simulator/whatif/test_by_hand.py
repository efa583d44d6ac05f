"""What a what-if says of cases that can be calculated by hand."""

from dataclasses import replace

import pytest

from tests.unit.simulator.whatif.given import (
    BOOT_S,
    IDLE_S,
    INFRA,
    ONE_JOB,
    ONE_SPOT_JOB,
    SLACK_S,
    USD_H,
    only_job,
    report,
    reports,
)

HOUR_S = 3_600.0


def near(seconds: float):
    return pytest.approx(seconds, abs=SLACK_S)


def test_one_job_on_one_machine(tmp_path):
    told = report(tmp_path, ONE_JOB)
    job = only_job(told)
    assert told.ended == "complete"
    assert (job.phase, job.attempts, job.places) == ("succeeded", 1, ("mock/east/east-a small",))
    assert job.wait_s == near(BOOT_S)
    assert job.run_s == near(HOUR_S)
    assert told.makespan_s == near(BOOT_S + HOUR_S)
    paid_s = BOOT_S + HOUR_S + IDLE_S
    assert told.cost.usd == pytest.approx(paid_s * USD_H / HOUR_S, abs=SLACK_S * USD_H / HOUR_S)
    assert told.cost.on_demand_usd == told.cost.usd
    assert (told.machines, told.utilisation) == (1, pytest.approx(HOUR_S / paid_s, abs=0.001))


def test_a_job_of_two_nodes_pays_two_and_works_on_both(tmp_path):
    told = report(
        tmp_path, "jobs: [{task: {run: x, num_nodes: 2, resources: {cpus: 2}}, runs_for: 1h, setup_for: 10m}]"
    )
    job = only_job(told)
    assert (told.machines, job.wait_s) == (2, near(BOOT_S + 600))
    paid_s = 2 * (BOOT_S + 600 + HOUR_S + IDLE_S)
    assert told.cost.usd == pytest.approx(paid_s * USD_H / HOUR_S, abs=2 * SLACK_S * USD_H / HOUR_S)
    # Two of the four CPUs of each.
    assert told.utilisation == pytest.approx(2 * HOUR_S * 0.5 / paid_s, abs=0.001)


def test_spot_against_on_demand(tmp_path):
    spot, on_demand = reports(tmp_path, ONE_SPOT_JOB, compare=("on-demand",))
    assert (spot.infra, on_demand.infra) == ("infra", "on-demand")
    assert spot.cost.usd == pytest.approx(on_demand.cost.usd / 4, abs=0.001)
    assert spot.cost.on_demand_usd == pytest.approx(on_demand.cost.usd, abs=0.001)
    assert [place.spot for place in spot.cost.by_place + on_demand.cost.by_place] == [True, False]


def test_the_cheaper_region_is_taken_and_the_dearer_when_it_is_full(tmp_path):
    west = "      west: {zones: [west-a], price_factor: 0.5}\n"
    one_there = "    capacity: [{region: west, steps: [{at: 0s, nodes: 1}]}]\n"
    infra = f"{INFRA}{west}{one_there}"
    told = report(tmp_path, "jobs: [{task: {run: x, resources: {cpus: 4}}, count: 2, runs_for: 1h}]", infra)
    assert [job.places for job in told.job_list] == [
        ("mock/west/west-a small",),
        ("mock/east/east-a small",),
    ]
    assert [(place.region, place.machines) for place in told.cost.by_place] == [("east", 1), ("west", 1)]
    assert told.refusals == {"capacity": 1}


def test_what_nothing_can_run_is_told_with_its_reason(tmp_path):
    told = report(tmp_path, "jobs: [{task: {run: x, resources: {cpus: 40}}, runs_for: 1h, count: 3}]")
    assert (told.ended, told.machines, told.cost.usd) == ("stuck", 0, 0.0)
    assert (told.jobs.unfinished, told.jobs.never_started) == (3, 3)
    [waiting] = told.waiting
    assert (waiting.jobs, waiting.first) == (3, 1)
    assert waiting.why == "no offer with 40 CPUs and 0 GiB; the most there is: 4 CPUs, 16 GiB"


def test_a_crowd_is_told_why_by_its_claim(tmp_path):
    told = report(tmp_path, "jobs: [{task: {run: x, resources: {cpus: 40}}, runs_for: 1h, count: 80}]")
    [waiting] = told.waiting
    assert (waiting.jobs, waiting.why[:22]) == (80, "no offer with 40 CPUs ")


def test_no_capacity_ever(tmp_path):
    infra = f"{INFRA}    capacity: [{{steps: [{{at: 0s, nodes: 0}}]}}]\n"
    told = report(tmp_path, ONE_JOB, infra)
    assert (told.ended, told.jobs.never_started, told.machines) == ("stuck", 1, 0)
    assert "0 of 1 are to be had" in told.waiting[0].why
    assert told.refusals["capacity"] > 5


def test_capacity_that_comes_later(tmp_path):
    infra = f"{INFRA}    capacity: [{{steps: [{{at: 0s, nodes: 0}}, {{at: 2d, nodes: 1}}]}}]\n"
    told = report(tmp_path, ONE_JOB, infra)
    assert told.ended == "complete"
    # Asked for at least every five minutes.
    assert 2 * 86_400 + BOOT_S <= only_job(told).wait_s <= 2 * 86_400 + BOOT_S + 310


@pytest.mark.parametrize(
    ("notice", "saves", "lost_s"),
    [
        # It began after a minute of boot: 39 minutes in, three checkpoints of ten are safe.
        ("0s", "", 9 * 60.0),
        ("30s", "", 9 * 60.0),
        # With notice enough to save, nothing is lost but what ran on while it was saved and stopped.
        ("2m", "on_reclaim: 20s", 0.0),
        # Of 30 seconds, 14 are for SIGTERM and 2 for telling: 20 is more than the rest.
        ("30s", "on_reclaim: 20s", 9 * 60.0),
        ("30s", "on_reclaim: 10s", 0.0),
    ],
)
def test_a_reclaim_loses_what_was_not_saved(tmp_path, notice, saves, lost_s):
    infra = f"{INFRA}    reclaims: [{{at: 40m, notice: {notice}}}]\n"
    workload = ONE_SPOT_JOB.replace("checkpoint_every: 10m", f"checkpoint_every: 10m, {saves}")
    told = report(tmp_path, workload, infra)
    job = only_job(told)
    assert (job.phase, job.attempts, len(job.places)) == ("succeeded", 2, 2)
    assert job.lost_work_s == near(lost_s)
    assert job.run_s == near(HOUR_S + lost_s)
    assert job.recovery_s == pytest.approx(BOOT_S, abs=2 * SLACK_S)
    assert told.reclaims.machines == 1
    assert told.reclaims.noticed == (notice != "0s")
    assert told.reclaims.lost_work_s == job.lost_work_s


def test_without_checkpoints_all_is_lost(tmp_path):
    infra = f"{INFRA}    reclaims: [{{at: 40m}}]\n"
    told = report(tmp_path, ONE_SPOT_JOB.replace(", checkpoint_every: 10m", ""), infra)
    assert only_job(told).lost_work_s == near(39 * 60)


def test_a_gang_loses_the_work_of_all_its_ranks(tmp_path):
    infra = f"{INFRA}    reclaims: [{{at: 40m, nodes: 1}}]\n"
    workload = ONE_SPOT_JOB.replace("run: x,", "run: x, num_nodes: 3,")
    told = report(tmp_path, workload, infra)
    assert (told.reclaims.machines, told.reclaims.recoveries) == (1, 1)
    assert told.reclaims.lost_work_s == pytest.approx(3 * 9 * 60, abs=3 * SLACK_S)


def test_a_rank_that_is_started_again_alone_loses_its_own_work(tmp_path):
    infra = f"{INFRA}    reclaims: [{{at: 40m, nodes: 1}}]\n"
    workload = ONE_SPOT_JOB.replace("run: x,", "run: x, num_nodes: 3, on_loss: rank,")
    told = report(tmp_path, workload, infra)
    assert (only_job(told).attempts, told.reclaims.recoveries) == (1, 1)
    assert told.reclaims.lost_work_s == near(9 * 60)
    assert told.makespan_s == near(2 * BOOT_S + HOUR_S + 9 * 60)


def test_a_recorded_trace_takes_machines_away(tmp_path):
    (tmp_path / "spot.csv").write_text(
        "start_tick,len_ticks,available,gap_seconds\n0,4,1,600\n4,3,0,600\n7,20,1,600\n"
    )
    told = report(tmp_path, ONE_SPOT_JOB, traces=(f"east-a={tmp_path / 'spot.csv'}",))
    job = only_job(told)
    assert (job.attempts, told.reclaims.machines) == (2, 1)
    assert job.lost_work_s == near(9 * 60)
    # Nothing is to be had from 40 to 70 minutes; then it is asked for within five.
    assert 30 * 60 + BOOT_S <= job.recovery_s <= 35 * 60 + BOOT_S + 10


def test_a_failing_run_is_started_again_as_often_as_it_may(tmp_path):
    workload = ONE_JOB.replace("runs_for", "fails: 100%, max_restarts: 2, runs_for")
    told = report(tmp_path, workload)
    job = only_job(told)
    assert (job.phase, job.attempts, told.jobs.failed) == ("failed", 3, 1)
    assert job.why
    assert 0 < job.run_s < 3 * HOUR_S


def test_until_stops_it_in_the_middle(tmp_path):
    told = report(tmp_path, ONE_JOB, until="31m")
    assert (told.ended, told.simulated_s, told.makespan_s) == ("until", 1_860.0, 1_860.0)
    assert (told.jobs.unfinished, told.jobs.never_started) == (1, 0)
    assert only_job(told).run_s == near(1_800)
    assert told.cost.usd == pytest.approx(1.86, abs=0.001)
    assert told.waiting == ()


def test_what_names_a_cloud_by_its_name_is_placed_there(tmp_path):
    workload = ONE_JOB.replace("cpus: 4", "cpus: 4, infra: one/east")
    assert only_job(report(tmp_path, workload)).places == ("mock/east/east-a small",)


def test_the_history_ends_with_what_was_spent(tmp_path):
    told = report(tmp_path, ONE_SPOT_JOB)
    last = told.history[-1]
    assert last.at_s == told.simulated_s
    assert (last.usd, last.on_demand_usd) == pytest.approx((told.cost.usd, told.cost.on_demand_usd), abs=1e-5)
    width_s = told.simulated_s / len(told.history)
    assert sum(one.busy for one in told.history) * width_s == pytest.approx(HOUR_S, rel=0.01)


def test_the_same_seed_tells_the_same(tmp_path):
    infra = f"{INFRA}    reclaims: [{{rate: 1/h}}]\n"
    workload = (
        "jobs: [{task: {run: x, resources: {cpus: 4, use_spot: true}}, rate: 4/h, count: 6, "
        "runs_for: {mean: 1h, p95: 2h}, checkpoint_every: 10m, fails: 20%, max_restarts: 3}]"
    )
    told = [report(tmp_path, workload, infra, seed=seed) for seed in (1, 1, 2)]
    assert told[0] == told[1]
    assert replace(told[2], seed=1) != told[0]
