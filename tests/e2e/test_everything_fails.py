"""A scripted cloud refuses, reclaims, forgets to answer and goes dark, while everything of ours is killed -9:
each job ends well, no rank ever lives twice, and the money is the cloud's own.
"""

import os
import random
import signal
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from tests.e2e.insisting import await_all, in_turn, insist
from tests.e2e.stack import LocalStack, local_stack, task
from tradewind.provisioner.infra.mock.state_file import read_state

JOBS = 500
SLOTS = 8
SERVICES = ("jobs_controller", "scheduler", "optimizer", "provisioner", "gateway", "nats")
VICTIMS = (*(f"run/{name}.pid" for name in SERVICES), "postgres/data/postmaster.pid", "an agent", "a node")
PAUSE_S = 1.0
WITHIN_S = 360.0
CLOUD = f"""
seed: 7
clouds:
  stormy:
    types:
      box: {{vcpus: {SLOTS}, memory_gib: 16, usd_h: 360.0, spot_usd_h: 108.0}}
    regions:
      north: {{zones: [north-a, north-b]}}
      south: {{zones: [south-a], price_factor: 1.2}}
    boot: {{takes: 0.2s, spread: 0.5s}}
    notice: 1s
    partial_gangs: true
    capacity:
      - {{zone: north-a, steps: [{{at: 0s, nodes: 1}}, {{at: 20s, nodes: 0}}, {{at: 40s, nodes: 2}}]}}
      - {{zone: north-b, steps: [{{at: 0s, nodes: 2}}]}}
      - {{zone: south-a, steps: [{{at: 0s, nodes: 3}}]}}
    refusals:
      - {{zone: north-b, kind: capacity, first: 2}}
      - {{region: south, kind: quota, first: 1}}
    reclaims:
      - {{rate: 120/h}}
      - {{rate: 60/h, notice: 0s}}
    outages:
      - {{zone: south-a, at: 30s, for: 5s}}
    faults:
      lost_answers: 20%
      list_lag: 2s
      failed_terminates: 1
"""


@pytest.fixture
def stack(tmp_path: Path):
    script = tmp_path / "cloud.yaml"
    script.write_text(CLOUD)
    with local_stack(tmp_path / "home", processes=True, TRADEWIND_MOCK=str(script)) as running:
        yield running


def test_every_job_ends_well_and_every_cent_is_the_clouds(stack: LocalStack, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    over = threading.Event()
    killed: Counter[str] = Counter()
    killer = threading.Thread(target=_kill_in_turn, args=(stack, work, over, killed))
    killer.start()
    try:
        ids = _submit(stack, work)
        ended = await_all(stack, ids, within_s=WITHIN_S)
    finally:
        over.set()
        killer.join()
    assert [info for info in ended.values() if info.phase != "succeeded"] == []
    assert not (work / "violations").exists(), (work / "violations").read_text()
    assert {path.stem for path in work.glob("*.done")} == set(ids)
    assert set(killed) == set(VICTIMS), f"only {killed} were killed"
    with stack.client() as tw:
        assert insist(tw.dead_letters) == ()
    _await_no_nodes(stack)
    _compare_money(stack)


def _submit(stack: LocalStack, work: Path) -> list[str]:
    """Each rank holds a lock for as long as anything of it lives, and tells if somebody else does."""
    run = "\n".join(
        (
            f"cd {work}",
            "exec 9>>$TRADEWIND_JOB_ID.lock",
            "flock --nonblock 9 || echo $TRADEWIND_FENCE >> violations",
            "sleep 0.$((RANDOM % 5 + 1))",
            "echo $TRADEWIND_FENCE >> $TRADEWIND_JOB_ID.done",
        )
    )
    storm = task(run, infra="mock", use_spot=True)
    with stack.client() as tw:
        keys = [f"storm-{ordinal}" for ordinal in range(JOBS)]  # asked again, it is the same job
        return [insist(lambda key=key: tw.submit(storm, idempotency_key=key).id) for key in keys]


def _kill_in_turn(stack: LocalStack, work: Path, over: threading.Event, killed: Counter[str]) -> None:
    chance = random.Random(7)
    for victim in in_turn(VICTIMS, pause_s=PAUSE_S, done=lambda: _done(work), over=over):
        with suppress(OSError, ValueError, IndexError):  # it is just starting again
            for pid in _pids(stack, victim, chance):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                killed[victim] += 1


def _done(work: Path) -> int:
    return sum(1 for _ in work.glob("*.done"))


def _pids(stack: LocalStack, victim: str, chance: random.Random) -> list[int]:
    if victim.endswith(".pid"):
        return [int((stack.home / victim).read_text().split()[0])]
    node = chance.choice(sorted(one.name for one in (stack.home / "nodes").iterdir()))
    of_node = stack.node_processes(node)
    return of_node if victim == "a node" else [pid for pid in of_node if _is_agent(pid)]


def _is_agent(pid: int) -> bool:
    try:
        return b"tradewind.agent" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False


def _await_no_nodes(stack: LocalStack) -> None:
    """Idle nodes are given back after their grace."""
    deadline = time.monotonic() + 150
    with stack.client() as tw:
        while left := insist(tw.nodes):
            assert time.monotonic() < deadline, f"still there: {left}"
            time.sleep(1)


def _compare_money(stack: LocalStack) -> None:
    """Each machine's cost, and the sum, as the cloud's ledger has them."""
    cloud = read_state(stack.home / "mock" / "mock.jsonl")
    ledger = {node: machine.cost_usd(machine.launched_at) for node, machine in cloud.machines.items()}
    assert all(machine.ended_at for machine in cloud.machines.values())
    with stack.client() as tw:
        ours = {node.id: node.cost_usd for node in insist(lambda: tw.nodes(all=True))}
    differ = {node: (ours.get(node), owed) for node, owed in ledger.items() if ours.get(node) != owed}
    assert differ == {}
    assert set(ours) == set(ledger)
    whys = Counter(machine.why for machine in cloud.machines.values())
    assert whys["reclaimed"] > 0, whys
