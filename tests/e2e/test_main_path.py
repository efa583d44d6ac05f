"""A job from submission to its end, as a person would see it."""

import time
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.e2e.stack import LocalStack, local_stack, task
from tradewind.client import Client
from tradewind.client.records import LogChunk


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Generator[LocalStack]:
    with local_stack(
        tmp_path_factory.mktemp("home"), TRADEWIND_LOCAL_NODES="5", TRADEWIND_LOCAL_SLOTS="4"
    ) as running:
        yield running


@pytest.fixture
def tw(stack: LocalStack) -> Generator[Client]:
    with stack.client() as client:
        yield client


def test_a_job_runs_and_its_log_and_exit_code_are_seen(tw: Client) -> None:
    job = tw.submit(task("echo hello from $TRADEWIND_RANK\necho and an error >&2"))
    text = "".join(chunk.text for chunk in job.logs() if isinstance(chunk, LogChunk))
    assert text == "hello from 0\nand an error\n"
    info = job.wait(timeout=30)
    assert (info.phase, info.exit_code, info.attempt) == ("succeeded", 0, 1)


def test_a_failing_job_ends_with_its_code_and_says_which_rank(tw: Client) -> None:
    info = tw.submit(task("exit 7")).wait(timeout=30)
    assert (info.phase, info.exit_code, info.reason) == ("failed", 7, "rank 0 exited with code 7")


def test_a_job_with_retries_is_started_again(tw: Client, tmp_path: Path) -> None:
    flag = tmp_path / "once"
    job = tw.submit(task(f"test -e {flag} && exit 0\ntouch {flag}\nexit 1"), max_restarts=1)
    info = job.wait(timeout=30)
    assert (info.phase, info.attempt, info.restarts) == ("succeeded", 2, 1)


def test_environment_values_reach_the_task_and_nobody_else(tw: Client) -> None:
    job = tw.submit(task("echo got $SECRET in $SKYPILOT_NUM_NODES", envs={"SECRET": "hunter2"}))
    text = "".join(chunk.text for chunk in job.logs() if isinstance(chunk, LogChunk))
    assert text == "got hunter2 in 1\n"
    assert all("hunter2" not in str(event) for event in job.events())


def test_the_workdir_comes_along(tw: Client, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "greeting.txt").write_text("hi there\n")
    job = tw.submit(task("cat data/greeting.txt", workdir=str(tmp_path)))
    assert job.wait(timeout=30).phase == "succeeded"
    text = "".join(chunk.text for chunk in job.logs(follow=False) if isinstance(chunk, LogChunk))
    assert text == "hi there\n"


def test_an_array_runs_each_of_its_jobs_once(tw: Client, tmp_path: Path) -> None:
    array = tw.submit_array(task(f"echo x >> {tmp_path}/$TRADEWIND_JOB_INDEX"), count=12)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        phases = [info.phase for info in tw.jobs(workflow=array.id)]
        if phases == ["succeeded"] * 12:
            break
        time.sleep(0.2)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        str(index): "x\n" for index in range(12)
    }


def test_two_nodes_meet_at_their_addresses(tw: Client) -> None:
    """A real rendezvous: rank 0 listens at its own address, sums what each rank sends, and tells all of
    them.
    """
    run = Path(__file__).parent / "all_reduce.py"
    job = tw.submit(task(f"python3 {run}", num_nodes=2))
    text = "".join(chunk.text for chunk in job.logs() if isinstance(chunk, LogChunk))
    assert job.wait(timeout=60).phase == "succeeded"
    assert sorted(text.splitlines()) == ["rank 0 of 2: sum 3", "rank 1 of 2: sum 3"]


def test_a_named_cluster_stays_serves_exec_and_goes_down(tw: Client, stack: LocalStack) -> None:
    first = tw.submit(task("echo one"), cluster="dev").wait(timeout=60)
    second = tw.submit(task("echo two"), cluster="dev").wait(timeout=30)
    assert [first.phase, second.phase] == ["succeeded", "succeeded"]
    (cluster,) = [one for one in tw.clusters() if one.name == "dev"]
    assert cluster.phase == "up"
    running = tw.submit(task("sleep 600"), cluster="dev")
    while running.info().phase != "running":
        time.sleep(0.05)
    tw.down("dev")
    assert running.wait(timeout=60).phase == "cancelled"
    deadline = time.monotonic() + 60
    while [one for one in tw.clusters() if one.name == "dev"] and time.monotonic() < deadline:
        time.sleep(0.1)
    assert [one for one in tw.clusters() if one.name == "dev"] == []


def test_what_fits_nowhere_waits_and_says_why(tw: Client) -> None:
    job = tw.submit(task("true", cpus="512"))
    deadline = time.monotonic() + 20
    while "no offer" not in job.info().reason and time.monotonic() < deadline:
        time.sleep(0.1)
    info = job.info()
    assert info.phase == "queued"
    assert "no offer in local with 512 CPUs" in info.reason
    job.cancel()
    assert job.wait(timeout=20).phase == "cancelled"
