"""Everything of the control plane is killed -9 while jobs run, in turn and again and again: nobody may
notice.
"""

import itertools
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from tests.e2e.stack import LocalStack, local_stack, task
from tradewind.client import Client
from tradewind.client.records import JobInfo

JOBS = 200
VICTIMS = (
    "run/jobs_controller.pid",
    "run/scheduler.pid",
    "run/optimizer.pid",
    "run/provisioner.pid",
    "run/gateway.pid",
    "run/nats.pid",
    "postgres/data/postmaster.pid",
)
PAUSE_S = 1.5
WITHIN_S = 240.0


@pytest.fixture
def stack(tmp_path: Path):
    with local_stack(
        tmp_path / "home", processes=True, TRADEWIND_LOCAL_NODES="2", TRADEWIND_LOCAL_SLOTS="8"
    ) as running:
        yield running


def test_every_job_succeeds_and_none_runs_twice_at_once(stack: LocalStack, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    over = threading.Event()
    killed: list[str] = []
    killer = threading.Thread(target=_kill_in_turn, args=(stack.home, over, killed))
    killer.start()
    try:
        ids = _submit(stack, work)
        ended = _await_all(stack, ids)
    finally:
        over.set()
        killer.join()
    assert [info for info in ended.values() if info.phase != "succeeded"] == []
    assert not (work / "violations").exists(), (work / "violations").read_text()
    ran = {path.name: path.read_text() for path in work.iterdir()}
    assert ran == dict.fromkeys(ids, "once\n")
    assert len(set(killed)) == len(VICTIMS), f"only {sorted(set(killed))} were killed"
    with stack.client() as tw:
        assert _insist(tw.dead_letters) == ()


def _submit(stack: LocalStack, work: Path) -> list[str]:
    """Each rank takes a lock for as long as it runs, and tells if somebody else holds it."""
    run = "\n".join(
        (
            f"cd {work}",
            "lock=$TRADEWIND_JOB_ID.lock",
            "mkdir $lock || echo $TRADEWIND_FENCE >> violations",
            "sleep 0.$((RANDOM % 5 + 1))",
            "echo once >> $TRADEWIND_JOB_ID",
            "rmdir $lock",
        )
    )
    with stack.client() as tw:
        return [_insist(lambda: tw.submit(task(run)).id) for _ in range(JOBS)]


def _insist(submit):
    """The client tries again by itself for a while; a kill of everything may last longer."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return submit()
        except Exception:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def _await_all(stack: LocalStack, ids: list[str]) -> dict[str, JobInfo]:
    deadline = time.monotonic() + WITHIN_S
    ended: dict[str, JobInfo] = {}
    while len(ended) < len(ids):
        assert time.monotonic() < deadline, _unfinished(stack, ids, ended)
        with stack.client() as tw:
            ended = _insist(lambda tw=tw: _ended(tw, ids))
        time.sleep(0.5)
    return ended


def _ended(tw: Client, ids: list[str]) -> dict[str, JobInfo]:
    wanted = set(ids)
    return {info.id: info for info in tw.jobs(limit=len(ids)) if info.id in wanted and info.ended}


def _unfinished(stack: LocalStack, ids: list[str], ended: dict[str, JobInfo]) -> str:
    with stack.client() as tw:
        left = [tw.job_info(one) for one in ids if one not in ended]
    return f"{len(left)} jobs are not over: " + "; ".join(
        f"{one.id} {one.phase} {one.reason}" for one in left[:5]
    )


def _kill_in_turn(home: Path, over: threading.Event, killed: list[str]) -> None:
    for victim in itertools.cycle(VICTIMS):
        if over.wait(PAUSE_S):
            return
        try:
            pid = int((home / victim).read_text().split()[0])
            os.kill(pid, signal.SIGKILL)
        except (OSError, ValueError, IndexError):
            continue  # it is just starting again
        killed.append(victim)
