"""A rank from its want to its end."""

from datetime import UTC, datetime, timedelta

from tests.integration.agent.machine import ROOM, ControlPlane, Machine, eventually, marked
from tests.unit.agent.wants import fence
from tradewind.common.contracts.job import RankPhase
from tradewind.common.contracts.rank import Fetched, Goal

F = fence()


async def test_prepared_then_run_to_its_end(plane: ControlPlane, machine: Machine) -> None:
    plane.spec(setup="echo setting up", run="echo running; exit 3")

    await plane.want(Goal.PREPARE)
    await plane.level(F, RankPhase.PREPARED)
    await plane.want(Goal.GO)
    running = await plane.level(F, RankPhase.RUNNING)
    end = await plane.end(F)

    assert running.started_at is not None
    assert datetime.now(UTC) - running.started_at < timedelta(seconds=30)
    assert (end.phase, end.exit_code, end.reason) == (RankPhase.EXITED, 3, "run")
    assert end.ended_at is not None
    assert end.ended_at >= running.started_at - timedelta(seconds=1)
    assert plane.text(F) == "setting up\nrunning\n"


async def test_the_node_says_what_it_is(plane: ControlPlane, machine: Machine) -> None:
    (said,) = plane.nodes[machine.node]
    assert (said.address, said.room) == ("127.0.1.9", ROOM)
    assert said.boot


async def test_exit_codes_are_those_of_a_shell(plane: ControlPlane, machine: Machine) -> None:
    codes = {
        "true": 0,
        "exit 41": 41,
        "no-such-command": 127,
        "kill -TERM $$": 143,
        "bash -c 'kill -SEGV $$'": 139,
        "false; true": 0,
        None: 0,
    }
    for number, run in enumerate(codes):
        plane.spec(f"spec-{number}", run=run)
        await plane.want(Goal.GO, job=f"job-{number}", spec_ref=f"spec-{number}")
    for number, (run, code) in enumerate(codes.items()):
        end = await plane.end(fence(job=f"job-{number}"))
        assert (end.phase, end.exit_code, end.reason) == (RankPhase.EXITED, code, "run"), run


async def test_a_failed_setup_is_its_end(plane: ControlPlane, machine: Machine) -> None:
    plane.spec(setup="echo cannot; exit 9", run="echo never")
    await plane.want(Goal.GO)
    end = await plane.end(F)
    assert (end.phase, end.exit_code, end.reason) == (RankPhase.EXITED, 9, "setup")
    assert plane.text(F) == "cannot\n"


async def test_what_is_refused_is_told_in_the_log(plane: ControlPlane, machine: Machine) -> None:
    plane.refused["spec-1"] = Fetched(error="the grant ran out at noon")
    await plane.want(Goal.PREPARE)
    end = await plane.end(F)
    assert (end.phase, end.exit_code, end.reason) == (RankPhase.EXITED, 1, "fetch")
    assert plane.text(F) == "tradewind: the grant ran out at noon\n"


async def test_a_fetch_waits_for_the_gateway(plane: ControlPlane, machine: Machine) -> None:
    plane.spec(run="true")
    plane.gives = False
    await plane.want(Goal.GO)
    await eventually(lambda: len(plane.asked) >= 2, what="it asks again")
    plane.gives = True
    end = await plane.end(F)
    assert end.exit_code == 0


async def test_the_environment(plane: ControlPlane, machine: Machine) -> None:
    plane.spec(run="env -0", setup="echo $SKYPILOT_SETUP_NODE_RANK", envs={"SECRET": "a b\n'c'"})
    await plane.want(Goal.GO)
    await plane.end(F)

    setup, _, run = plane.text(F).partition("\n")
    env = dict(line.split("=", 1) for line in run.split("\0") if "=" in line)
    assert setup == "0"
    assert env["SECRET"] == "a b\n'c'"
    assert env["SKYPILOT_NODE_IPS"] == "127.0.1.1"
    assert env["TRADEWIND_FENCE"] == str(F)
    assert env["TRADEWIND_NODE_ID"] == machine.node
    assert env["TRADEWIND_NODE_ADDRESS"] == "127.0.1.9"
    assert "TRADEWIND_SECRET" not in env
    assert env["PWD"] == str(machine.rank_folder(F) / "workdir")


async def test_no_secret_is_on_a_command_line(plane: ControlPlane, machine: Machine) -> None:
    plane.spec(run="cat /proc/$PPID/cmdline /proc/$$/cmdline | tr '\\0' ' '", envs={"TOKEN": "hush-hush"})
    await plane.want(Goal.GO)
    await plane.end(F)
    assert "shim" in plane.text(F)
    assert "hush-hush" not in plane.text(F)
    assert "cat /proc" not in plane.text(F)


async def test_files_of_a_rank_are_its_owners_alone(plane: ControlPlane, machine: Machine) -> None:
    plane.spec(run="true", envs={"TOKEN": "hush-hush"})
    await plane.want(Goal.GO)
    await plane.end(F)
    folder = machine.rank_folder(F)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "spec.json").stat().st_mode & 0o777 == 0o600
    assert (folder / "log").stat().st_mode & 0o777 == 0o600


async def test_two_ranks_and_two_jobs_on_one_node(plane: ControlPlane, machine: Machine) -> None:
    plane.spec(count=2, run="echo $TRADEWIND_JOB_ID $TRADEWIND_RANK; exit $TRADEWIND_RANK")
    await plane.want(Goal.GO, ranks=((0, 0), (1, 0)))
    await plane.want(Goal.GO, job="job-2")
    for one, code in ((fence(0), 0), (fence(1), 1), (fence(0, job="job-2"), 0)):
        assert (await plane.end(one)).exit_code == code
        assert plane.text(one) == f"{one.job} {one.rank}\n"
    assert len(plane.asked) == 1, "one spec for all"


async def test_commands_run_in_a_session_of_their_own_with_no_input(
    plane: ControlPlane, machine: Machine
) -> None:
    plane.spec(run="cat; ps -o sid= -p $$; ps -o sid= -p $PPID; ps -o stat= -p $PPID; trap -p")
    await plane.want(Goal.GO)
    await plane.end(F)
    own, shim, state = plane.text(F).split()
    assert own == shim == str(machine.pid(F))
    assert "s" in state, "the shim leads the session"


async def test_what_the_commands_leave_running_is_ended(plane: ControlPlane, machine: Machine) -> None:
    plane.spec(run="sleep 1000 & setsid sleep 1001 & exit 0")
    await plane.want(Goal.GO)
    await plane.end(F)
    left = marked(f"TRADEWIND_FENCE={F}")
    assert len(left) <= 1, "only what left the session may still be there"
    await plane.want(Goal.FORGET)
    await eventually(lambda: not machine.rank_folder(F).exists(), what="it is forgotten")
    assert marked(f"TRADEWIND_FENCE={F}") == []


async def test_output_of_a_background_writer_is_waited_for(plane: ControlPlane, machine: Machine) -> None:
    plane.spec(run="(sleep 0.3; echo late) & echo first")
    await plane.want(Goal.GO)
    await plane.end(F)
    assert plane.text(F) == "first\nlate\n"
