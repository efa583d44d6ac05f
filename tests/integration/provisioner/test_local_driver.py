"""The local driver against real processes."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.provisioner.local_host import Host, marked, until
from tradewind.common.contracts.node_file import CREDENTIALS_FILE, NodeFile
from tradewind.common.contracts.values import FailureKind, Scope
from tradewind.common.processes import started_at
from tradewind.provisioner.contracts import InstanceState
from tradewind.provisioner.infra.driver import LaunchRefused
from tradewind.provisioner.infra.local import Limits, LocalDriver
from tradewind.provisioner.infra.node_folder import Machine

PROC = Path("/proc")


async def test_a_launched_gang_has_folders_addresses_and_processes(host: Host) -> None:
    instances = await host.up("a", "b")
    assert len({instance.address for instance in instances}) == 2
    for instance in instances:
        told = host.folder(instance.node).told()
        assert told == NodeFile(
            node=instance.node,
            workspace="w",
            nats_url="nats://127.0.0.1:4222",
            address=instance.address,
            room=(await host.driver.survey()).offers[0].place.room,
        )
        secret = host.nodes / instance.node / CREDENTIALS_FILE
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
        assert instance.address.startswith("127.0.")


async def test_a_machine_takes_over_no_secret_and_no_descriptor(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRADEWIND_POSTGRES_URL", "postgresql://u:secret@h/d")
    ours, theirs = os.pipe()
    os.set_inheritable(theirs, True)
    try:
        await host.up("a")
        pid = host.machine_pid("a")
        assert b"secret" not in (PROC / str(pid) / "environ").read_bytes()
        assert _open_files(pid) == {"/dev/null", str(host.nodes / "a" / "machine.log")}
    finally:
        os.close(ours)
        os.close(theirs)


async def test_the_same_launch_again_gives_the_same_machines(host: Host) -> None:
    first = await host.up("a", "b")
    pids = [host.machine_pid(node) for node in "ab"]
    assert await host.launch("a", "b") == first
    assert await host.restarted().launch("a", "b") == first
    assert [host.machine_pid(node) for node in "ab"] == pids


async def test_a_launch_that_was_interrupted_after_the_start_leaves_one_machine(host: Host) -> None:
    await host.up("a")
    (host.nodes / "a" / "machine.json").unlink()  # as if we had died before it was noted
    first = marked("a")
    await host.up("a")
    await until(lambda: not set(first) & set(marked("a")))
    assert len({os.getsid(pid) for pid in marked("a")} & {host.machine_pid("a")}) == 1


async def test_a_launch_beyond_the_limit_is_refused_with_its_reason(host: Host) -> None:
    await host.launch("a", "b")
    with pytest.raises(LaunchRefused) as refused:
        await host.launch("c", "d")
    assert (refused.value.failure.kind, refused.value.failure.scope) == (FailureKind.CAPACITY, Scope.INFRA)
    assert refused.value.instances == ()
    assert str(refused.value).startswith("2 local nodes are wanted, 2 of 3 are in use")
    assert not (host.nodes / "c").exists()


async def test_the_offer_says_what_is_in_use(host: Host) -> None:
    await host.launch("a")
    view = await host.driver.survey()
    (offer,) = view.offers
    assert (offer.max_nodes, offer.in_use, offer.place.room.cpus) == (3, 1, 4)
    assert [(found.node, found.alive) for found in view.found] == [("a", True)]


async def test_kill_9_of_a_machine_is_seen_at_once_and_nothing_is_left(host: Host) -> None:
    watching = asyncio.create_task(host.watch())
    await host.up("a", "b")
    tasks = _children_of_all(marked("a"))
    killed_at = asyncio.get_running_loop().time()
    os.kill(host.machine_pid("a"), signal.SIGKILL)
    await until(lambda: bool(host.ends))
    (end, at), *others = host.ends
    assert (end.node, others) == ("a", [])
    assert marked("a") == []
    assert all(started_at(pid) is None for pid in tasks), "tasks without the mark are ended too"
    assert at - killed_at < 0.5
    assert marked("b"), "another node is left alone"
    sight = await host.driver.look("a", "a")
    assert (sight.state, sight.ended_at) == (InstanceState.GONE, end.at)
    watching.cancel()


async def test_what_left_the_tree_with_an_empty_environment_is_ended_with_its_session(host: Host) -> None:
    await host.up("a")
    tasks = _children_of_all(marked("a"))
    assert any(pid not in marked("a") for pid in tasks), "the stand-in starts one without the mark"
    await host.driver.terminate("a", "a")
    assert [pid for pid in tasks if started_at(pid) is not None] == []


async def test_an_agent_that_dies_is_no_end(host: Host) -> None:
    watching = asyncio.create_task(host.watch())
    await host.up("a")
    machine = host.machine_pid("a")
    (agent,) = [pid for pid in marked("a") if _parent(pid) == machine]
    os.kill(agent, signal.SIGKILL)
    await until(lambda: any(_parent(pid) == machine for pid in marked("a") if pid != agent))
    assert (await host.driver.look("a", "a")).state is InstanceState.ALIVE
    assert host.ends == []
    watching.cancel()


async def test_machines_outlive_the_provisioner_and_the_next_one_sees_their_end(host: Host) -> None:
    # Another process launches, and ends without a word.
    source = (
        "import asyncio, os, pathlib, sys\n"
        "from tests.integration.provisioner.local_host import Host\n"
        "host = Host(pathlib.Path(sys.argv[1]))\n"
        "async def main():\n"
        "    watching = asyncio.create_task(host.watch())\n"
        "    await host.up('a', 'b')\n"
        "    print('up', flush=True)\n"
        "    os._exit(1)\n"
        "asyncio.run(main())\n"
    )
    host.launched |= {"a", "b"}
    root = Path(__file__).parents[3]
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", source, str(host.nodes), cwd=root, stdout=subprocess.PIPE
    )
    said, _ = await asyncio.wait_for(child.communicate(), 20)  # ends: no machine holds its pipe
    assert said == b"up\n"
    assert marked("a")
    os.kill(host.machine_pid("b"), signal.SIGKILL)  # while nobody watches
    await until(lambda: started_at(host.machine_pid("b")) is None)
    watching = asyncio.create_task(host.watch())
    await until(lambda: [end.node for end, _ in host.ends] == ["b"])
    assert marked("b") == []
    killed_at = asyncio.get_running_loop().time()
    os.kill(host.machine_pid("a"), signal.SIGKILL)
    await until(lambda: [end.node for end, _ in host.ends] == ["b", "a"])
    assert host.ends[1][1] - killed_at < 0.5
    watching.cancel()


async def test_a_recycled_pid_is_not_a_machine(host: Host) -> None:
    await host.up("a")
    stranger = await asyncio.create_subprocess_exec("sleep", "60")
    machine = host.folder("a").machine()
    assert isinstance(machine, Machine)
    os.kill(machine.pid, signal.SIGKILL)
    host.folder("a").note(machine.but(pid=stranger.pid))
    assert (await host.driver.look("a", "a")).state is InstanceState.GONE
    await host.driver.terminate("a", "a")
    assert stranger.returncode is None
    assert started_at(stranger.pid) is not None
    stranger.kill()
    await stranger.wait()


async def test_terminate_asks_first_and_leaves_nothing(host: Host) -> None:
    watching = asyncio.create_task(host.watch())
    await host.up("a")
    tasks = _children_of_all(marked("a"))
    await host.driver.terminate("a", "a")
    assert (host.nodes / "a.stopped").exists(), "the agent was asked"
    assert not (host.nodes / "a").exists()
    assert [pid for pid in (*marked("a"), *tasks) if started_at(pid) is not None] == []
    assert (await host.driver.survey()).found == ()
    await asyncio.sleep(0.1)
    assert host.ends == [], "what we end ourselves is no loss"
    await host.driver.terminate("a", "a")
    watching.cancel()


async def test_what_tasks_made_read_only_is_removed_too(host: Host) -> None:
    await host.up("a")
    cache = host.nodes / "a" / "ranks" / "module-cache" / "inner"
    cache.mkdir(parents=True)
    (cache / "file").touch()
    for folder in (cache, cache.parent):
        folder.chmod(0o500)
    await host.driver.terminate("a", "a")
    assert not (host.nodes / "a").exists()


async def test_a_dead_node_is_found_dead_until_it_is_terminated(host: Host) -> None:
    watching = asyncio.create_task(host.watch())
    await host.up("a")
    os.kill(host.machine_pid("a"), signal.SIGKILL)
    await until(lambda: bool(host.ends))
    view = await host.driver.survey()
    assert [(found.node, found.alive) for found in view.found] == [("a", False)]
    assert view.offers[0].in_use == 0
    assert await host.driver.terminate("a", "a") == host.ends[0][0].at
    assert not (host.nodes / "a").exists()
    watching.cancel()


async def test_looking_for_a_node_whose_folder_was_deleted_ends_what_runs_of_it(host: Host) -> None:
    await host.up("a")
    host.folder("a").remove()
    assert (await host.driver.look("a", "a")).state is InstanceState.GONE
    assert marked("a") == []


async def test_a_machine_ends_with_its_folder_whatever_mark_it_bears(host: Host) -> None:
    await host.up("a")
    pid = host.machine_pid("a")
    host.folder("a").path.rename(host.nodes / "renamed")
    await host.driver.terminate("renamed", "renamed")
    assert started_at(pid) is None
    assert marked("a") == []


async def test_two_homes_side_by_side(tmp_path: Path, host: Host) -> None:
    other = Host(tmp_path / "other" / "nodes")
    try:
        (here,) = await host.up("a")
        (there,) = await other.up("z")
        assert here.address != there.address
        assert [found.node for found in (await other.driver.survey()).found] == ["z"]
        await host.driver.terminate("a", "a")
        assert marked("z")
    finally:
        other.clear()


async def test_an_address_stays_with_its_node(host: Host) -> None:
    (first,) = await host.up("a")
    os.kill(host.machine_pid("a"), signal.SIGKILL)
    await until(lambda: started_at(host.machine_pid("a")) is None)
    (again,) = await host.up("a")
    assert again.address == first.address
    assert again.launched_at > first.launched_at


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5"])
def test_a_limit_that_is_no_number_is_refused_by_name(value: str) -> None:
    with pytest.raises(ValueError, match=r"TRADEWIND_LOCAL_NODES is .*write a whole number from 1 up"):
        Limits.from_env({"TRADEWIND_LOCAL_NODES": value})


def test_limits_have_defaults() -> None:
    assert Limits.from_env({}) == Limits(nodes=2, slots=os.cpu_count() or 1)
    assert Limits.from_env({"TRADEWIND_LOCAL_NODES": "2", "TRADEWIND_LOCAL_SLOTS": "50"}) == Limits(2, 50)


async def test_memory_is_shared_among_nodes(tmp_path: Path) -> None:
    one = (await LocalDriver(tmp_path, Limits(1, 1)).survey()).offers[0].place.room.memory_gib
    four = (await LocalDriver(tmp_path, Limits(4, 1)).survey()).offers[0].place.room.memory_gib
    assert abs(one - 4 * four) < 0.1


def _open_files(pid: int) -> set[str]:
    return {os.readlink(one) for one in (PROC / str(pid) / "fd").iterdir()}


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _children_of_all(parents: list[int]) -> list[int]:
    """With and without the mark."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if _parent(int(entry.name)) in parents:
                    found.append(int(entry.name))
            except OSError:
                continue
    return found
