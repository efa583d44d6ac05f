"""Cancelled at each of its stages, twenty times each, a job leaves nothing."""

import time
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from tests.e2e.stack import LocalStack, local_stack, processes_marked, task
from tradewind.client import Client
from tradewind.client.client import Job
from tradewind.client.task import Task

TIMES = 20
STUBBORN = "trap '' TERM; sleep 600"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Generator[LocalStack]:
    with local_stack(
        tmp_path_factory.mktemp("home"), TRADEWIND_LOCAL_NODES="3", TRADEWIND_LOCAL_SLOTS="40"
    ) as running:
        yield running


@pytest.fixture
def tw(stack: LocalStack) -> Generator[Client]:
    with stack.client() as client:
        yield client


def with_setup(setup: str) -> Task:
    ready = task("sleep 600")
    role = ready.spec.roles[0].but(setup=setup)
    return Task(spec=ready.spec.but(roles=(role,)), workdir=None, file=ready.file, positions=ready.positions)


def reach(job: Job, *phases: str) -> None:
    deadline = time.monotonic() + 60
    while (phase := job.info().phase) not in phases:
        assert time.monotonic() < deadline, f"it is {phase}, not {phases}"
        time.sleep(0.02)


STAGES: dict[str, tuple[Callable[[], Task], tuple[str, ...]]] = {
    "at once": (lambda: task("sleep 600"), ()),
    "queued for more than there is": (lambda: task("sleep 600", cpus="512"), ("queued",)),
    "in its setup": (lambda: with_setup("sleep 600"), ("starting",)),
    "running": (lambda: task("sleep 600"), ("running",)),
    "a gang at its barrier": (lambda: task("sleep 600", num_nodes=2), ("queued", "starting", "running")),
}


@pytest.mark.parametrize("stage", STAGES)
def test_cancelled_at_any_stage_it_leaves_nothing(stage: str, stack: LocalStack, tw: Client) -> None:
    make, phases = STAGES[stage]
    jobs = [tw.submit(make()) for _ in range(TIMES)]
    if phases:
        for job in jobs:
            reach(job, *phases)
    for job in jobs:
        job.cancel()
    assert {job.wait(timeout=60).phase for job in jobs} == {"cancelled"}
    assert_nothing_left(stack, jobs)


def test_one_that_ignores_the_request_is_killed_after_its_grace(stack: LocalStack, tw: Client) -> None:
    job = tw.submit(task(STUBBORN))
    reach(job, "running")
    began = time.monotonic()
    job.cancel()
    assert job.wait(timeout=60).phase == "cancelled"
    assert 10 < time.monotonic() - began < 30
    assert_nothing_left(stack, [job])


def test_cancelling_what_is_over_changes_nothing(tw: Client) -> None:
    job = tw.submit(task("true"))
    assert job.wait(timeout=60).phase == "succeeded"
    job.cancel()
    time.sleep(0.3)
    assert job.info().phase == "succeeded"


def test_an_array_is_cancelled_as_one(stack: LocalStack, tw: Client) -> None:
    array = tw.submit_array(task("sleep 600"), count=500)
    deadline = time.monotonic() + 60
    while len(list(tw.jobs(workflow=array.id, phases=("running",)))) < 30:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    tw.cancel(array.number)
    while {info.phase for info in tw.jobs(workflow=array.id)} != {"cancelled"}:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert sum(1 for _ in tw.jobs(workflow=array.id)) <= 500


def assert_nothing_left(stack: LocalStack, jobs: list[Job]) -> None:
    """No process of theirs lives, and no node keeps a folder of theirs."""
    deadline = time.monotonic() + 20
    while True:
        left = [pid for job in jobs for pid in processes_marked(f"TRADEWIND_JOB_ID={job.id}")]
        folders = [path for job in jobs for path in Path(stack.home / "nodes").glob(f"*/ranks/{job.id}.*")]
        if not left and not folders:
            return
        assert time.monotonic() < deadline, f"left: processes {left}, folders {folders}"
        time.sleep(0.1)
