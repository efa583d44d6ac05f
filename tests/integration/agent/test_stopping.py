"""Stops, newer attempts, and forgetting."""

import asyncio
import time

from tests.integration.agent.machine import ControlPlane, Machine, eventually, marked
from tests.unit.agent.wants import fence
from tradewind.common.contracts.job import RankPhase
from tradewind.common.contracts.rank import Goal

F = fence()


async def runs(plane: ControlPlane, commands: str) -> None:
    """The rank runs, and its commands have come as far as printing `up`."""
    plane.spec(run=commands)
    await plane.want(Goal.GO)
    await plane.level(F, RankPhase.RUNNING)
    await plane.until(lambda: "up" in plane.text(F), what="it is up")


async def test_a_stop_is_a_term_to_the_whole_session(plane: ControlPlane, machine: Machine) -> None:
    await runs(plane, "(trap 'echo child; exit' TERM; echo up; while :; do sleep 0.1; done) & wait")
    await plane.want(Goal.STOP)
    end = await plane.end(F)
    assert (end.phase, end.reason) == (RankPhase.STOPPED, "stopped")
    assert "child" in plane.text(F)
    assert marked(f"TRADEWIND_FENCE={F}") == []


async def test_a_child_may_use_its_grace_though_the_shell_is_gone(
    plane: ControlPlane, machine: Machine
) -> None:
    await runs(
        plane,  # longer than what an end of its own would leave it
        "bash -c 'trap \"sleep 3; echo saved; exit 0\" TERM; echo up; while :; do sleep 0.1; done'; echo no",
    )
    await plane.want(Goal.STOP)
    end = await plane.end(F)
    assert end.phase is RankPhase.STOPPED
    assert plane.text(F).endswith("saved\n")


async def test_what_ignores_the_term_is_killed_after_its_grace(plane: ControlPlane, machine: Machine) -> None:
    await runs(plane, "trap '' TERM; echo up; while :; do sleep 0.1; done")
    began = time.monotonic()
    await plane.want(Goal.STOP, grace_s=0.5)
    end = await plane.end(F)
    assert 0.4 < time.monotonic() - began < 5
    assert (end.phase, end.exit_code) == (RankPhase.STOPPED, 137)
    assert marked(f"TRADEWIND_FENCE={F}") == []


async def test_a_stop_in_setup(plane: ControlPlane, machine: Machine) -> None:
    plane.spec(setup="echo up; sleep 1000", run="echo never")
    await plane.want(Goal.GO)
    await plane.until(lambda: "up" in plane.text(F), what="setup is up")
    await plane.want(Goal.STOP)
    assert (await plane.end(F)).phase is RankPhase.STOPPED
    assert "never" not in plane.text(F)


async def test_a_stop_in_a_fetch(plane: ControlPlane, machine: Machine) -> None:
    plane.gives = False
    await plane.want(Goal.GO)
    await eventually(lambda: machine.rank_folder(F).exists(), what="it fetches")
    await plane.want(Goal.STOP)
    assert (await plane.end(F)).phase is RankPhase.STOPPED


async def test_what_never_started_is_stopped_and_never_starts(plane: ControlPlane, machine: Machine) -> None:
    plane.spec(run="echo never")
    await plane.want(Goal.PREPARE)
    await plane.level(F, RankPhase.PREPARED)
    await plane.want(Goal.STOP)
    await plane.level(F, RankPhase.STOPPED)
    await plane.want(Goal.GO)
    await plane.level(F, RankPhase.STOPPED, times=2)
    assert not (machine.rank_folder(F) / "run-1.launch").exists()


async def test_a_newer_attempt_waits_for_the_end_of_the_older(plane: ControlPlane, machine: Machine) -> None:
    newer = fence(attempt=2)
    plane.spec(run="trap 'sleep 0.5; exit 0' TERM; echo up $TRADEWIND_ATTEMPT; sleep 1000 & wait")
    await plane.want(Goal.GO)
    await plane.until(lambda: "up 1" in plane.text(F), what="attempt 1 is up")
    await plane.want(Goal.GO, attempt=2)
    old, new = await plane.end(F), await plane.level(newer, RankPhase.RUNNING)
    assert (old.phase, old.reason) == (RankPhase.STOPPED, "superseded by attempt 2")
    assert old.ended_at is not None
    assert new.started_at is not None
    assert old.ended_at <= new.started_at
    await eventually(lambda: not machine.rank_folder(F).exists(), what="its files are gone")


async def test_wants_of_an_older_attempt_change_nothing(plane: ControlPlane, machine: Machine) -> None:
    plane.spec(run="echo up; sleep 1000")
    newer = fence(attempt=2)
    await plane.want(Goal.GO, attempt=2)
    await plane.level(newer, RankPhase.RUNNING)
    await plane.want(Goal.STOP, attempt=1)
    await plane.want(Goal.GO, attempt=2)
    await plane.level(newer, RankPhase.RUNNING, times=2)
    assert plane.ranks[F] == []


async def test_a_forgotten_job_leaves_nothing_and_stays_forgotten(
    plane: ControlPlane, machine: Machine
) -> None:
    await runs(plane, "echo up; sleep 1000")
    last = await plane.want(Goal.FORGET)
    assert (await plane.end(F)).phase is RankPhase.STOPPED
    await eventually(lambda: not machine.rank_folder(F).exists(), what="its files are gone")
    assert marked(f"TRADEWIND_FENCE={F}") == []

    await plane.send(last.but(goal=Goal.GO, version=1))  # an old want, sent again after a crash of its owner
    await plane.want(Goal.GO, job="job-2")
    await plane.level(fence(job="job-2"), RankPhase.RUNNING)
    assert not machine.rank_folder(F).exists()


async def test_twenty_cancels_at_any_stage_leave_nothing(plane: ControlPlane, machine: Machine) -> None:
    plane.spec(setup="sleep 0.02", run="sleep 1000")
    for number in range(20):
        job = f"job-{number}"
        await plane.want(Goal.GO, job=job)
        await asyncio.sleep(0.01 * number)
        await plane.want(Goal.FORGET, job=job)
    for number in range(20):
        one = fence(job=f"job-{number}")
        assert (await plane.end(one)).phase is RankPhase.STOPPED
        await eventually(lambda one=one: not machine.rank_folder(one).exists(), what="its files are gone")
    assert marked("TRADEWIND_NODE_ID=n1") == [machine.agent.pid]  # type: ignore[union-attr] -- it runs


async def test_stops_that_meet_the_answers_of_fetches(plane: ControlPlane, machine: Machine) -> None:
    plane.spec(run="sleep 1000")
    plane.gives = False
    for number in range(60):
        job = f"job-{number}"
        await plane.want(Goal.GO, job=job, spec_ref=f"spec-{number}")
        await asyncio.sleep(0.001 * number)
        await plane.want(Goal.FORGET, job=job)
    for number in range(60):
        assert (await plane.end(fence(job=f"job-{number}"))).phase is RankPhase.STOPPED
