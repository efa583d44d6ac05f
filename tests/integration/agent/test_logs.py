"""Logs arrive whole, in order, soon, and before the end is told."""

import asyncio
import os
import time

from tests.integration.agent.machine import ControlPlane, Machine
from tests.unit.agent.wants import fence
from tradewind.common.contracts.rank import Goal

F = fence()


async def test_the_first_bytes_come_at_once(plane: ControlPlane, machine: Machine) -> None:
    plane.spec(run="echo $(date +%s.%N); sleep 1000")
    await plane.want(Goal.GO)
    await plane.until(lambda: plane.logs[F].endswith(b"\n"), what="a line")
    assert time.time() - float(plane.text(F)) < 1.0


async def test_a_chatty_rank_is_gathered(plane: ControlPlane, machine: Machine) -> None:
    plane.spec(run="for i in $(seq 2000); do echo line $i; done; printf 'no newline'")
    await plane.want(Goal.GO)
    await plane.end(F)
    lines = [f"line {number}" for number in range(1, 2001)]
    assert plane.text(F).split("\n") == [*lines, "no newline"]
    assert plane.chunks < 200


async def test_bytes_that_are_no_text(plane: ControlPlane, machine: Machine) -> None:
    raw = os.urandom(300_000)
    (machine.folder / "raw").write_bytes(raw)
    plane.spec(run=f"cat {machine.folder}/raw; head -c 10 {machine.folder}/raw >&2")
    await plane.want(Goal.GO)
    await plane.end(F)
    assert plane.logs[F] == raw + raw[:10]


async def test_many_ranks_at_once(plane: ControlPlane, machine: Machine) -> None:
    plane.spec(count=50, run="for i in 1 2 3; do echo $TRADEWIND_RANK $i; sleep 0.1; done")
    await plane.want(Goal.GO, ranks=tuple((rank, 0) for rank in range(50)))
    for rank in range(50):
        await plane.end(fence(rank))
        assert plane.text(fence(rank)) == f"{rank} 1\n{rank} 2\n{rank} 3\n"


async def test_an_agent_killed_again_and_again_loses_no_byte(plane: ControlPlane, machine: Machine) -> None:
    plane.spec(run="for i in $(seq 300); do echo line $i; sleep 0.01; done")
    await plane.want(Goal.GO)
    for _ in range(4):
        await asyncio.sleep(0.3)
        await machine.kill()
        await machine.start()
    await plane.end(F)
    assert plane.text(F).split() == [word for number in range(1, 301) for word in ("line", str(number))]


async def test_a_bus_that_comes_and_goes_loses_no_byte(plane: ControlPlane, machine: Machine) -> None:
    plane.spec(run="for i in $(seq 200); do echo line $i; sleep 0.01; done")
    await plane.want(Goal.GO)
    for _ in range(2):
        await asyncio.sleep(0.5)
        await plane.server.stop()
        await asyncio.sleep(0.2)
        await plane.server.start()
    await plane.end(F)
    # What is published before the test's own subscription is back is only in the stream.
    info = await plane.connection.js.stream_info("LOGS")
    whole = b""
    for sequence in range(1, info.state.last_seq + 1):
        stored = await plane.connection.js.get_msg("LOGS", sequence)
        offset = int((stored.headers or {})["Tw-Offset"])
        assert offset <= len(whole)
        whole = whole[:offset] + (stored.data or b"")
    assert whole.decode().split() == [word for number in range(1, 201) for word in ("line", str(number))]
