"""A node is about to be taken away: what runs on it saves its work, and is over in time."""

import asyncio
import os
import random
import signal
import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.integration.agent.machine import ControlPlane, Machine, eventually, marked
from tests.unit.agent.wants import fence
from tradewind.agent.domain.notice import MARGIN_S
from tradewind.common.contracts.job import RankPhase
from tradewind.common.contracts.rank import AllocationWant, Goal

F = fence()
TRAINS = "trap 'echo ended; exit 3' TERM; echo up; while :; do sleep 0.05; done"


async def runs(plane: ControlPlane, commands: str = TRAINS, *, on_reclaim: str | None = None) -> None:
    """The rank runs, and its commands have come as far as printing `up`."""
    plane.spec(run=commands, on_reclaim=on_reclaim)
    await plane.want(Goal.GO)
    await plane.level(F, RankPhase.RUNNING)
    await plane.until(lambda: "up" in plane.text(F), what="it is up")


async def reclaimed(plane: ControlPlane, *, within_s: float, grace_s: float = 1.0) -> AllocationWant:
    at = datetime.now(UTC) + timedelta(seconds=within_s)
    return await plane.want(Goal.STOP, reclaim_at=at, grace_s=grace_s)


async def saves(plane: ControlPlane) -> None:
    await plane.until(lambda: "saving" in plane.text(F), what="it saves")


async def test_the_hook_runs_beside_the_task_which_ends_after_it(
    plane: ControlPlane, machine: Machine
) -> None:
    await runs(
        plane,
        "trap 'echo ended; exit 3' TERM; trap 'echo step 7 >checkpoint' USR1; echo $$ >pid; echo up; "
        "while :; do sleep 0.05; done",
        on_reclaim='kill -USR1 "$(cat pid)"; until test -s checkpoint; do sleep 0.05; done; '
        'echo "saved $(cat checkpoint) at $TRADEWIND_RANK before $TRADEWIND_RECLAIM_AT"',
    )
    began = time.monotonic()
    await reclaimed(plane, within_s=60, grace_s=15)
    end = await plane.end(F)
    assert time.monotonic() - began < 10, "nobody waits for the end of the notice"
    assert (end.phase, end.reason, end.exit_code) == (RankPhase.STOPPED, "reclaimed", 3)
    notice, saved, *_, ended = plane.text(F).splitlines()[1:]
    assert notice == "tradewind: to be reclaimed in 60 s: on_reclaim may take 43 s"
    assert saved.startswith("saved step 7 at 0 before 20")
    assert ended == "ended"
    assert marked(f"TRADEWIND_FENCE={F}") == []


async def test_without_a_hook_the_term_comes_at_once(plane: ControlPlane, machine: Machine) -> None:
    await runs(plane)
    began = time.monotonic()
    await reclaimed(plane, within_s=60)
    end = await plane.end(F)
    assert time.monotonic() - began < 5
    assert (end.phase, end.reason, end.exit_code) == (RankPhase.STOPPED, "reclaimed", 3)


async def test_the_grace_is_no_longer_than_the_node_is_there(plane: ControlPlane, machine: Machine) -> None:
    await runs(plane, "trap '' TERM; echo up; while :; do sleep 0.05; done")
    began = time.monotonic()
    await reclaimed(plane, within_s=MARGIN_S + 1.5, grace_s=600)
    end = await plane.end(F)
    assert 1.4 < time.monotonic() - began < MARGIN_S + 1.5
    assert (end.phase, end.exit_code) == (RankPhase.STOPPED, 137)


async def test_a_hook_that_hangs_is_ended_in_time(plane: ControlPlane, machine: Machine) -> None:
    await runs(
        plane,
        "trap '' TERM; echo up; while :; do sleep 0.05; done",
        on_reclaim="trap '' TERM; echo saving; setsid sleep 1000 & sleep 1000",
    )
    began = time.monotonic()
    await reclaimed(plane, within_s=MARGIN_S + 4, grace_s=1)
    await saves(plane)
    assert plane.ranks[F][-1].phase is RankPhase.RUNNING
    end = await plane.end(F)
    assert 3.9 < time.monotonic() - began < MARGIN_S + 4
    assert (end.phase, end.exit_code) == (RankPhase.STOPPED, 137)
    assert "tradewind: on_reclaim has not ended in time" in plane.text(F)
    assert marked(f"TRADEWIND_FENCE={F}") == []


async def test_a_hook_that_fails_is_told_of_and_no_obstacle(plane: ControlPlane, machine: Machine) -> None:
    await runs(plane, on_reclaim="echo no bucket; exit 4")
    await reclaimed(plane, within_s=60)
    end = await plane.end(F)
    assert (end.phase, end.exit_code) == (RankPhase.STOPPED, 3)
    assert "no bucket\ntradewind: on_reclaim failed with exit code 4\n" in plane.text(F)
    assert plane.text(F).endswith("ended\n")


async def test_a_task_that_ends_by_itself_meanwhile_has_ended_by_itself(
    plane: ControlPlane, machine: Machine
) -> None:
    """Its hook may still copy what it has written last."""
    await runs(
        plane,
        "echo up; until test -e finish; do sleep 0.05; done; echo result >model; exit 0",
        on_reclaim="touch finish; echo saving; sleep 3; cat model",
    )
    await reclaimed(plane, within_s=60)
    end = await plane.end(F)
    assert (end.phase, end.exit_code, end.reason) == (RankPhase.EXITED, 0, "run")
    assert plane.text(F).endswith("saving\nresult\n")
    assert marked(f"TRADEWIND_FENCE={F}") == []


async def test_a_notice_that_comes_too_late_is_a_term_with_a_short_grace(
    plane: ControlPlane, machine: Machine
) -> None:
    await runs(plane, "trap '' TERM; echo up; while :; do sleep 0.05; done", on_reclaim="echo saving")
    began = time.monotonic()
    await reclaimed(plane, within_s=-30, grace_s=600)
    assert (await plane.end(F)).exit_code == 137
    assert time.monotonic() - began < 5
    assert "to be reclaimed in 0 s: too late for on_reclaim" in plane.text(F)
    assert "saving" not in plane.text(F)


async def test_a_cancel_ends_the_hook_too(plane: ControlPlane, machine: Machine) -> None:
    await runs(
        plane, on_reclaim="trap 'echo hook ended; exit' TERM; echo saving; while :; do sleep 0.1; done"
    )
    await reclaimed(plane, within_s=600)
    await saves(plane)
    await plane.want(Goal.STOP)
    end = await plane.end(F)
    assert (end.phase, end.reason) == (RankPhase.STOPPED, "stopped")
    assert {"hook ended", "ended"} <= set(plane.text(F).splitlines())
    assert marked(f"TRADEWIND_FENCE={F}") == []


async def test_an_earlier_time_that_is_told_later_counts(plane: ControlPlane, machine: Machine) -> None:
    await runs(plane, on_reclaim="echo saving; sleep 1000")
    await reclaimed(plane, within_s=600)
    await saves(plane)
    began = time.monotonic()
    await reclaimed(plane, within_s=MARGIN_S + 3)
    assert (await plane.end(F)).phase is RankPhase.STOPPED
    assert 1 < time.monotonic() - began < MARGIN_S + 3
    assert plane.text(F).count("saving\n") == 1


async def test_in_setup_it_is_just_stopped(plane: ControlPlane, machine: Machine) -> None:
    plane.spec(setup="echo up; sleep 1000", run="echo never", on_reclaim="echo saving")
    await plane.want(Goal.GO)
    await plane.until(lambda: "up" in plane.text(F), what="setup is up")
    await reclaimed(plane, within_s=60)
    assert (await plane.end(F)).phase is RankPhase.STOPPED
    assert "saving" not in plane.text(F)
    assert "never" not in plane.text(F)


@pytest.mark.parametrize("which", ["lives on", "has ended meanwhile", "is killed meanwhile"])
async def test_a_hook_outlives_its_agent_and_runs_once(
    plane: ControlPlane, machine: Machine, which: str
) -> None:
    await runs(plane, on_reclaim="echo saving; until test -e on; do sleep 0.05; done; echo saved")
    await reclaimed(plane, within_s=60)
    await saves(plane)
    await machine.kill()
    go_on = machine.rank_folder(F) / "workdir" / "on"
    if which == "has ended meanwhile":
        go_on.touch()
        await eventually(lambda: marked("TRADEWIND_HOOK=on_reclaim") == [], what="the hook ends")
    elif which == "is killed meanwhile":
        os.kill(machine.pid(F, "on_reclaim-1"), signal.SIGKILL)
    await machine.start()
    if which == "lives on":
        await asyncio.sleep(0.3)
        assert "ended" not in plane.text(F), "it is waited for"
        go_on.touch()
    end = await plane.end(F)
    assert (end.phase, end.exit_code) == (RankPhase.STOPPED, 3)
    assert plane.text(F).count("saving\n") == 1
    assert plane.text(F).count("saved\n") == (which != "is killed meanwhile")
    assert marked(f"TRADEWIND_FENCE={F}") == []


async def test_a_hook_that_no_agent_watches_is_ended_in_time_by_the_next(
    plane: ControlPlane, machine: Machine
) -> None:
    await runs(plane, on_reclaim="echo saving; sleep 1000")
    began = time.monotonic()
    await reclaimed(plane, within_s=MARGIN_S + 6)
    await saves(plane)
    await machine.kill()
    await machine.start()
    assert (await plane.end(F)).exit_code == 3
    assert 4 < time.monotonic() - began < MARGIN_S + 6


async def test_a_notice_that_lay_in_the_stream_has_grown_shorter(
    plane: ControlPlane, machine: Machine
) -> None:
    """The next agent knows it by what its predecessor knew of their clock."""
    await runs(plane, "trap '' TERM; echo up; while :; do sleep 0.05; done", on_reclaim="sleep 1000")
    await machine.kill()
    told = await reclaimed(plane, within_s=MARGIN_S + 12)
    await asyncio.sleep(6)
    await machine.start()
    end = await plane.end(F)
    assert (end.phase, end.reason) == (RankPhase.STOPPED, "reclaimed")
    assert end.ended_at is not None
    assert told.reclaim_at is not None
    assert end.ended_at < told.reclaim_at


async def test_killed_at_random_no_hook_runs_twice_and_all_is_over_in_time(
    plane: ControlPlane, machine: Machine
) -> None:
    plane.spec(
        run=TRAINS,
        on_reclaim='mkdir "$LOCKS/$TRADEWIND_JOB_ID" || exit 99; sleep 0.3; echo saved',
        envs={"LOCKS": str(machine.folder)},
    )
    chance = random.Random(3)
    fences = [fence(job=f"job-{number}") for number in range(12)]
    for one in fences:
        await plane.want(Goal.GO, job=one.job)
    for one in fences:
        await plane.until(lambda one=one: "up" in plane.text(one), what="it is up")
    due = datetime.now(UTC) + timedelta(seconds=60)
    for one in fences:
        await plane.want(Goal.STOP, job=one.job, reclaim_at=due, grace_s=5)
        if chance.random() < 0.5:
            await asyncio.sleep(chance.random() * 0.2)
            await machine.kill()
            await machine.start()
    for one in fences:
        end = await plane.end(one)
        assert (end.phase, end.reason, end.exit_code) == (RankPhase.STOPPED, "reclaimed", 3), one
        assert plane.text(one).count("saved\n") == 1
        assert end.ended_at is not None
        assert end.ended_at < due


async def test_a_clock_that_is_minutes_off_changes_nothing(plane: ControlPlane, machine: Machine) -> None:
    """The controller's clock, to be exact: for the agent that is the same as its own."""
    plane.clock = lambda: datetime.now(UTC) - timedelta(minutes=7)
    await runs(plane, on_reclaim="echo saving; echo $TRADEWIND_RECLAIM_AT >at")
    told = await plane.want(Goal.STOP, reclaim_at=plane.clock() + timedelta(seconds=60), grace_s=1)
    assert told.reclaim_at is not None
    assert told.reclaim_at < datetime.now(UTC), "by the agent's clock that is over"
    end = await plane.end(F)
    assert (end.phase, end.exit_code) == (RankPhase.STOPPED, 3)
    assert "to be reclaimed in 60 s" in plane.text(F)
    assert "saving" in plane.text(F)
    at = datetime.fromisoformat((machine.rank_folder(F) / "workdir" / "at").read_text().strip())
    assert 40 < (at - datetime.now(UTC)).total_seconds() < 60, "by the clock that the hook can read"
