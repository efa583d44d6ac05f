"""The agent is killed, or the bus goes: what runs runs on, and what happened meanwhile is told."""

import asyncio
import os
import random
import resource
import signal
import sys

from tests.integration.agent.machine import ControlPlane, Machine, eventually, marked
from tests.unit.agent.wants import fence
from tradewind.common.contracts.job import RankPhase
from tradewind.common.contracts.rank import Goal
from tradewind.common.contracts.values import Fence

F = fence()


async def test_a_task_outlives_its_agent(plane: ControlPlane, machine: Machine) -> None:
    plane.spec(run="echo up; sleep 1.5; echo done; exit 5")
    await plane.want(Goal.GO)
    await plane.until(lambda: "up" in plane.text(F), what="it is up")
    pid = machine.pid(F)
    await machine.kill()
    assert marked(f"TRADEWIND_FENCE={F}")
    await machine.start()

    again = await plane.level(F, RankPhase.RUNNING, times=2)
    end = await plane.end(F)
    assert machine.pid(F) == pid
    assert again.started_at is not None
    assert (end.phase, end.exit_code, end.reason) == (RankPhase.EXITED, 5, "run")
    assert plane.text(F) == "up\ndone\n"
    assert len({said.boot for said in plane.nodes[machine.node]}) == 2


async def test_an_end_without_an_agent_is_told_by_the_next(plane: ControlPlane, machine: Machine) -> None:
    plane.spec(run="echo up; sleep 0.5; echo done; exit 5")
    await plane.want(Goal.GO)
    await plane.until(lambda: "up" in plane.text(F), what="it is up")
    await machine.kill()
    await gone(F)
    await machine.start()
    end = await plane.end(F)
    assert (end.phase, end.exit_code) == (RankPhase.EXITED, 5)
    assert plane.text(F) == "up\ndone\n"


async def test_a_killed_shim_is_an_end_and_takes_its_commands_along(
    plane: ControlPlane, machine: Machine
) -> None:
    plane.spec(run="echo up; sleep 1000")
    await plane.want(Goal.GO)
    await plane.until(lambda: "up" in plane.text(F), what="it is up")
    os.kill(machine.pid(F), signal.SIGKILL)
    end = await plane.end(F)
    assert (end.phase, end.exit_code, end.reason) == (RankPhase.EXITED, 137, "killed")
    assert marked(f"TRADEWIND_FENCE={F}") == []


async def test_a_shim_killed_while_no_agent_was_there(plane: ControlPlane, machine: Machine) -> None:
    plane.spec(run="echo up; sleep 1000")
    await plane.want(Goal.GO)
    await plane.until(lambda: "up" in plane.text(F), what="it is up")
    await machine.kill()
    os.kill(machine.pid(F), signal.SIGKILL)
    assert marked(f"TRADEWIND_FENCE={F}"), "its commands live on"
    await machine.start()
    end = await plane.end(F)
    assert (end.exit_code, end.reason) == (137, "killed")
    assert marked(f"TRADEWIND_FENCE={F}") == []


async def test_a_want_that_came_meanwhile_is_heeded(plane: ControlPlane, machine: Machine) -> None:
    plane.spec(run="echo up; sleep 1000")
    await plane.want(Goal.GO)
    await plane.level(F, RankPhase.RUNNING)
    await machine.kill()
    await plane.want(Goal.STOP)
    await plane.want(Goal.GO, job="job-2")
    await machine.start()
    assert (await plane.end(F)).phase is RankPhase.STOPPED
    await plane.level(fence(job="job-2"), RankPhase.RUNNING)


async def test_what_was_stopped_has_not_ended_by_itself_though_nobody_saw_its_end(
    plane: ControlPlane, machine: Machine
) -> None:
    """Else a task that saves on SIGTERM and exits with 0 would have succeeded."""
    plane.spec(
        run="trap 'touch told; until test -e on; do sleep 0.1; done; exit 0' TERM; echo up; "
        "while :; do sleep 0.1; done"
    )
    await plane.want(Goal.GO)
    await plane.until(lambda: "up" in plane.text(F), what="it is up")
    await plane.want(Goal.STOP)
    workdir = machine.rank_folder(F) / "workdir"
    await eventually((workdir / "told").exists, what="it is told to end")
    await machine.kill()
    (workdir / "on").touch()
    await gone(F)
    await machine.start()
    end = await plane.end(F)
    assert (end.phase, end.exit_code, end.reason) == (RankPhase.STOPPED, 0, "stopped")


async def test_a_setup_outlives_its_agent(plane: ControlPlane, machine: Machine) -> None:
    plane.spec(setup="echo setup; sleep 1", run="echo run")
    await plane.want(Goal.GO)
    await plane.until(lambda: "setup" in plane.text(F), what="setup runs")
    await machine.kill()
    await machine.start()
    assert (await plane.end(F)).exit_code == 0
    assert plane.text(F) == "setup\nrun\n"


async def test_killed_at_random_nothing_runs_twice_and_every_end_is_told(
    plane: ControlPlane, machine: Machine
) -> None:
    plane.spec(
        setup="echo setup",
        run='mkdir "$LOCKS/$TRADEWIND_JOB_ID" || exit 99; sleep 0.2; echo ran; exit 7',
        envs={"LOCKS": str(machine.folder)},
    )
    chance = random.Random(2)
    jobs = [f"job-{number}" for number in range(30)]
    for job in jobs:
        await plane.want(Goal.GO, job=job)
        if chance.random() < 0.5:
            await asyncio.sleep(chance.random() * 0.1)
            await machine.kill()
            await machine.start()
    for job in jobs:
        end = await plane.end(fence(job=job))
        assert (end.phase, end.exit_code) == (RankPhase.EXITED, 7), job
        assert plane.text(fence(job=job)) == "setup\nran\n"


async def test_what_was_said_without_a_bus_is_told_when_it_is_back(
    plane: ControlPlane, machine: Machine
) -> None:
    plane.spec(run="echo up; sleep 0.5; echo done; exit 4")
    await plane.want(Goal.GO)
    await plane.until(lambda: "up" in plane.text(F), what="it is up")
    await plane.server.stop()
    await gone(F)
    await asyncio.sleep(0.5)
    await plane.server.start()
    end = await plane.end(F)
    assert end.exit_code == 4
    await plane.until(lambda: "done" in plane.text(F), what="the log is whole")
    await plane.want(Goal.GO, job="job-2")
    await plane.level(fence(job="job-2"), RankPhase.RUNNING)


async def test_an_end_outlives_the_agent_while_the_bus_is_away(plane: ControlPlane, machine: Machine) -> None:
    plane.spec(run="echo up; sleep 0.3; exit 4")
    await plane.want(Goal.GO)
    await plane.until(lambda: "up" in plane.text(F), what="it is up")
    await plane.server.stop()
    await gone(F)
    await machine.kill()
    await plane.server.start()
    await machine.start()
    assert (await plane.end(F)).exit_code == 4


async def test_an_orderly_end_of_the_agent_leaves_the_tasks_alone(
    plane: ControlPlane, machine: Machine
) -> None:
    plane.spec(run="echo up; sleep 0.5; exit 4")
    await plane.want(Goal.GO)
    await plane.until(lambda: "up" in plane.text(F), what="it is up")
    assert await machine.stop() == 0
    assert marked(f"TRADEWIND_FENCE={F}")
    await machine.start()
    assert (await plane.end(F)).exit_code == 4


async def test_two_agents_in_one_folder_are_one_too_many(plane: ControlPlane, machine: Machine) -> None:
    second = await Machine(plane, machine.folder).spawn()
    assert await second.wait() == 2
    assert "in use by another agent" in machine.output()


async def test_a_machine_starts_its_agent_again_and_takes_it_along(
    plane: ControlPlane, machine: Machine
) -> None:
    await machine.stop()
    known = len(plane.nodes[machine.node])
    with (machine.folder / "agent.log").open("ab") as log:
        loop = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tradewind.agent.machine",
            str(machine.folder),
            stderr=log,
            env={**os.environ, "TRADEWIND_NODE_ID": machine.node},
            start_new_session=True,
        )
    await plane.until(lambda: len(plane.nodes[machine.node]) == known + 1, what="the agent speaks")
    plane.spec(run="echo up; sleep 1000")
    await plane.want(Goal.GO)
    await plane.level(F, RankPhase.RUNNING)

    def apart_from_the_task() -> set[int]:
        return set(marked(f"TRADEWIND_NODE_ID={machine.node}")) - set(marked(f"TRADEWIND_FENCE={F}"))

    (agent,) = apart_from_the_task() - {loop.pid}
    os.kill(agent, signal.SIGKILL)
    await plane.until(lambda: len(plane.nodes[machine.node]) == known + 2, what="the next agent speaks")

    loop.kill()
    await loop.wait()
    await eventually(lambda: not apart_from_the_task(), what="the agent ends with it")
    assert marked(f"TRADEWIND_FENCE={F}"), "the task does not"


async def gone(which: Fence) -> None:
    await eventually(lambda: not marked(f"TRADEWIND_FENCE={which}"), what=f"{which} is over")


async def test_an_agent_that_waits_for_its_bus_can_be_told_to_end(
    plane: ControlPlane, machine: Machine
) -> None:
    await machine.stop()
    await plane.server.stop()
    await machine.spawn()
    await eventually(lambda: "nothing listens there" in machine.output(), what="it waits")
    assert await machine.stop() == 0


async def test_a_full_disk_ends_the_agent_and_not_the_task(plane: ControlPlane, machine: Machine) -> None:
    plane.spec(run="echo up; sleep 1000")
    await plane.want(Goal.GO)
    await plane.until(lambda: "up" in plane.text(F), what="it is up")
    assert machine.agent is not None
    resource.prlimit(machine.agent.pid, resource.RLIMIT_FSIZE, (0, 0))
    await plane.want(Goal.GO, job="job-2")
    async with asyncio.timeout(15):
        assert await machine.agent.wait() == 1
    assert marked(f"TRADEWIND_FENCE={F}")
    await machine.start()
    await plane.level(fence(job="job-2"), RankPhase.RUNNING)
