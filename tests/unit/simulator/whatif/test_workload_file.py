"""Workload files: what they mean, and what is said of those that are wrong."""

from pathlib import Path
from random import Random
from statistics import fmean, quantiles

import pytest

from tradewind.client.errors import TradewindError
from tradewind.simulator.whatif.run import simulate
from tradewind.simulator.whatif.workload import Duration
from tradewind.simulator.whatif.workload_file import parse_workload, workload_from_file

TASK = "task: {name: t, run: x, resources: {cpus: 2}}"


def drawn(entry: str, *, seed: int = 0):
    return parse_workload(f"jobs:\n- {{{entry}}}\n", file="w.yaml", folder=Path()).draw(seed)


@pytest.mark.parametrize(
    ("when", "moments"),
    [
        ("", [0.0]),
        ("at: 10m", [600.0]),
        ("at: 1h30m, count: 2", [5_400.0, 5_400.0]),
        ("every: 5m, count: 3", [0.0, 300.0, 600.0]),
        ("at: 1m, every: 90, count: 2", [60.0, 150.0]),
    ],
)
def test_when_jobs_are_submitted(when: str, moments: list[float]):
    jobs = drawn(", ".join(part for part in (TASK, "runs_for: 2h", when) if part))
    assert [job.at_s for job in jobs] == moments
    assert [job.number for job in jobs] == list(range(1, len(moments) + 1))
    assert {(job.name, job.work_s) for job in jobs} == {("t", 7_200.0)}


def test_a_rate_is_kept_on_average_and_drawn_from_the_seed():
    jobs = drawn(f"{TASK}, runs_for: 1h, rate: 6/h, count: 2000")
    assert jobs[-1].at_s == pytest.approx(2_000 * 600, rel=0.1)
    assert jobs == drawn(f"{TASK}, runs_for: 1h, rate: 6/h, count: 2000")
    assert jobs != drawn(f"{TASK}, runs_for: 1h, rate: 6/h, count: 2000", seed=1)


def test_a_duration_has_the_mean_and_the_percentile_that_were_asked_for():
    random = Random(1)
    drawn_s = [Duration.spread(mean_s=7_200, p95_s=18_000).draw(random) for _ in range(40_000)]
    assert fmean(drawn_s) == pytest.approx(7_200, rel=0.02)
    assert quantiles(drawn_s, n=20)[-1] == pytest.approx(18_000, rel=0.03)


def test_runs_fail_as_often_as_is_said():
    jobs = drawn(f"{TASK}, runs_for: 1h, fails: 25%, max_restarts: 1, count: 4000")
    assert sum(bool(job.fails_at) for job in jobs) == pytest.approx(1_000, rel=0.1)
    assert sum(len(job.fails_at) == 2 for job in jobs) == pytest.approx(250, rel=0.2)


def test_task_files_and_traces_of_jobs(tmp_path: Path):
    (tmp_path / "train.yaml").write_text(
        "name: train\nresources: {accelerators: V100:2, use_spot: true}\nrun: x\non_reclaim: save\n"
    )
    (tmp_path / "jobs.csv").write_text("submit_s,run_s,gpus,name\n0,60,1,a\n30,5.5,4,\n")
    (tmp_path / "w.yaml").write_text(
        "jobs:\n- {file: train.yaml, runs_for: 1h}\n- {file: train.yaml, trace: jobs.csv, at: 1h}\n".replace(
            ", at: 1h", ""
        )
    )
    first, traced, second = sorted(
        workload_from_file(tmp_path / "w.yaml").draw(0), key=lambda one: -one.work_s
    )
    assert (first.name, first.saves_in_s, first.summary.roles[0].shape.use_spot) == ("train", 30.0, True)
    assert (traced.name, traced.at_s, traced.work_s) == ("a", 0.0, 60.0)
    assert (second.name, second.at_s, second.work_s) == ("train", 30.0, 5.5)
    assert [one.summary.roles[0].shape.accelerator_count for one in (first, traced, second)] == [2, 1, 4]


WRONG = [
    ("", "w.yaml: is empty: write `jobs:` and a list"),
    ("job: []", "w.yaml:1:1: job: is unknown: did you mean `jobs`?"),
    ("jobs: 3", "w.yaml:1:7: jobs: must be a list, but this is the number 3"),
    ("jobs: []", "w.yaml:1:7: jobs: is an empty list"),
    ("jobs: [", "w.yaml:1:8: not YAML"),
    ("jobs: [7]", "w.yaml:1:8: jobs[0]: must be a mapping, but this is the number 7: write name, task, file"),
    ("jobs: [{runs_for: 1h}]", "w.yaml:1:8: jobs[0]: needs a task: write either `task:`"),
    ("jobs: [{file: a.yaml, task: {run: x}, runs_for: 1h}]", "w.yaml:1:8: jobs[0]: needs a task"),
    (
        "jobs: [{file: a.yaml, runs_for: 1h}]",
        "w.yaml:1:15: jobs[0].file: a.yaml: cannot be read: no such file",
    ),
    ("jobs: [{task: {run: x}}]", "w.yaml:1:8: jobs[0]: does not say how long it runs: add `runs_for: 2h`"),
    ("jobs: [{task: {run: x}, run_for: 1h}]", "jobs[0].run_for: is unknown: did you mean `runs_for`?"),
    ("jobs: [{task: {run: x}, runs_for: 1h, runs_for: 2h}]", "jobs[0].runs_for: is written twice"),
    ("jobs: [{task: {run: x}, runs_for: soon}]", "w.yaml:1:35: jobs[0].runs_for: 'soon' is not a time"),
    ("jobs: [{task: {run: x}, runs_for: 0s}]", "'0s' is no time at all"),
    ("jobs: [{task: {run: x}, runs_for: [1h]}]", "must be one value, but this is a list"),
    (
        "jobs: [{task: {run: x}, runs_for: {mean: 1h}}]",
        "jobs[0].runs_for: needs both, as in `{mean: 2h, p95: 5h}`",
    ),
    (
        "jobs: [{task: {run: x}, runs_for: {mean: 1h, p95: 9h}}]",
        "p95 must lie between the mean and 3.87 times",
    ),
    ("jobs: [{task: {run: x}, runs_for: {mean: 1h, p90: 2h}}]", "p90: is unknown: did you mean `p95`?"),
    (
        "jobs: [{task: {run: x}, runs_for: 1h, every: 5m}]",
        "jobs[0].count: is missing: with `every` or `rate`",
    ),
    (
        "jobs: [{task: {run: x}, runs_for: 1h, rate: 5, count: 2}]",
        "'5' is not a rate: write how many in what time",
    ),
    ("jobs: [{task: {run: x}, runs_for: 1h, count: 0}]", "'0' is not a whole number from 1 to 1000000"),
    ("jobs: [{task: {run: x}, runs_for: 1h, fails: 2}]", "'2' is not a share: write it as 5% or 0.05"),
    (
        "jobs: [{task: {run: x, resources: {cpu: 4}}, runs_for: 1h}]",
        "w.yaml:1:36: resources.cpu: is unknown: did you",
    ),
    ("jobs: [{task: {run: x}, trace: j.csv, runs_for: 1h}]", "jobs[0].runs_for: cannot stand beside `trace`"),
    ("jobs: [{task: {run: x}, trace: j.csv, at: 1h}]", "jobs[0].at: cannot stand beside `trace`"),
    ("jobs: [{task: {run: x}, trace: j.csv}]", "j.csv: cannot be read: no such file"),
]


@pytest.mark.parametrize(("text", "said"), WRONG, ids=[text for text, _ in WRONG])
def test_what_is_wrong_is_said_with_its_place(text: str, said: str):
    with pytest.raises(TradewindError) as refused:
        parse_workload(text, file="w.yaml", folder=Path("nowhere"))
    assert said in str(refused.value).replace("nowhere/", "")
    assert isinstance(refused.value, ValueError)


def test_all_problems_are_said_at_once():
    with pytest.raises(TradewindError) as refused:
        parse_workload("jobs:\n- {task: {run: x}}\n- {runs_for: 1h}\n", file="w.yaml", folder=Path())
    assert [line.split(": ")[0] for line in str(refused.value).splitlines()] == ["w.yaml:2:3", "w.yaml:3:3"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("submit_s\n0\n", "j.csv:1:1: has no column 'run_s': the columns are submit_s, run_s"),
        ("submit_s,run_s,gpu\n0,1,1\n", "j.csv:1:1: column 'gpu' is unknown"),
        ("submit_s,run_s\n0,long\n", "j.csv:2:1: run_s: 'long' is not a number"),
        ("submit_s,run_s\n0,1\n-3,1\n", "j.csv:3:1: submit_s: must be 0 or more seconds"),
        ("submit_s,run_s,gpus\n0,1,2\n", "j.csv:2:1: gpus: of which kind?"),
    ],
)
def test_a_job_trace_that_is_wrong(tmp_path: Path, content: str, said: str):
    (tmp_path / "j.csv").write_text(content)
    with pytest.raises(TradewindError) as refused:
        parse_workload("jobs: [{task: {run: x}, trace: j.csv}]", file="w.yaml", folder=tmp_path)
    assert said in str(refused.value)


INFRA = "clouds: {c: {types: {t: {vcpus: 4, memory_gib: 8, usd_h: 1}}, regions: {r: {zones: [z]}}}}"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"compare": ("sport",)}, "--compare: 'sport' is no file: name an infra file, or write one of spot"),
        ({"traces": ("y=t.csv",)}, "--trace: there is no zone 'y' in the infra: it has z"),
        ({"traces": ("nowhere.csv",)}, "--trace: nowhere.csv cannot be read"),
        ({"until": "soon"}, "--until: 'soon' is not a time"),
    ],
)
def test_options_that_are_wrong(tmp_path: Path, asked: dict[str, object], said: str):
    (tmp_path / "i.yaml").write_text(INFRA)
    (tmp_path / "w.yaml").write_text("jobs: [{task: {run: x}, runs_for: 1h}]")
    with pytest.raises(TradewindError) as refused:
        simulate(tmp_path / "w.yaml", tmp_path / "i.yaml", **asked)  # type: ignore[arg-type] # by name
    assert said in str(refused.value)


def test_an_infra_file_that_is_wrong(tmp_path: Path):
    (tmp_path / "i.yaml").write_text("cloud: {}")
    (tmp_path / "w.yaml").write_text("jobs: [{task: {run: x}, runs_for: 1h}]")
    with pytest.raises(TradewindError, match=r"i.yaml:1:1: cloud: is unknown: did you mean `clouds`\?"):
        simulate(tmp_path / "w.yaml", tmp_path / "i.yaml")
