"""Everything of the control plane is killed -9 while jobs run, in turn and again and again: nobody may
notice.
"""

import os
import signal
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from tests.e2e.insisting import await_all, in_turn, insist
from tests.e2e.stack import LocalStack, local_stack, task

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
    killer = threading.Thread(target=_kill_in_turn, args=(stack.home, work, over, killed))
    killer.start()
    try:
        ids = _submit(stack, work)
        ended = await_all(stack, ids, within_s=WITHIN_S)
    finally:
        over.set()
        killer.join()
    assert [info for info in ended.values() if info.phase != "succeeded"] == []
    assert not (work / "violations").exists(), (work / "violations").read_text()
    ran = {path.name: path.read_text() for path in work.iterdir()}
    assert ran == dict.fromkeys(ids, "once\n")
    assert len(set(killed)) == len(VICTIMS), f"only {sorted(set(killed))} were killed"
    with stack.client() as tw:
        assert insist(tw.dead_letters) == ()


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
        keys = [f"random-{ordinal}" for ordinal in range(JOBS)]  # asked again, it is the same job
        return [insist(lambda key=key: tw.submit(task(run), idempotency_key=key).id) for key in keys]


def _kill_in_turn(home: Path, work: Path, over: threading.Event, killed: list[str]) -> None:
    def done() -> int:
        return sum(path.suffix != ".lock" for path in work.iterdir())

    for victim in in_turn(VICTIMS, pause_s=PAUSE_S, done=done, over=over):
        with suppress(OSError, ValueError, IndexError):  # it is just starting again
            os.kill(int((home / victim).read_text().split()[0]), signal.SIGKILL)
            killed.append(victim)
