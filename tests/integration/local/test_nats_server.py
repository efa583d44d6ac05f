"""The embedded NATS, and the users of nodes in it."""

import asyncio
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nats.errors
import pytest

from tests.integration.local.bus_world import as_node, calling, until_let_in
from tests.integration.local.conftest import all_command_lines
from tradewind.common.bus.node_users import NodeUsers
from tradewind.local.home import Home
from tradewind.local.nats_config import ADMIN
from tradewind.local.nats_server import EmbeddedNats, NoNats
from tradewind.local.ports import LOOPBACK
from tradewind.local.settings import Settings


async def test_what_was_acked_is_there_after_a_stop(nats_server: EmbeddedNats) -> None:
    async with calling(nats_server.url(ADMIN)) as admin:
        await admin.client.jetstream().add_stream(name="S", subjects=["s"])
        await admin.client.jetstream().publish("s", b"1")
    port = nats_server.port
    await nats_server.stop()
    await nats_server.start()
    assert nats_server.port == port
    async with calling(nats_server.url(ADMIN)) as admin:
        assert (await admin.client.jetstream().stream_info("S")).state.messages == 1


async def test_it_listens_to_this_machine_only(nats_server: EmbeddedNats) -> None:
    assert listening_at(nats_server.port) == [f"0100007F:{nats_server.port:04X}"]


def listening_at(port: int) -> list[str]:
    """Addresses as /proc/net/tcp writes them (proc_pid_net(5); state 0A is LISTEN)."""
    table = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
    rows = [line.split() for line in table.splitlines()]
    return [row[1] for row in rows if row[1].endswith(f":{port:04X}") and row[3] == "0A"]


async def test_a_port_that_is_taken_meanwhile_gives_way(nats_server: EmbeddedNats) -> None:
    taken = nats_server.port
    await nats_server.stop()
    with socket.create_server((LOOPBACK, taken)):
        await nats_server.start()
        assert nats_server.port != taken


async def test_a_path_may_hold_anything(tmp_path: Path) -> None:
    home = Home(tmp_path / 'it\'s a "home" \\ café')
    with home.locked():
        server = EmbeddedNats(home, Settings(home))
        await server.start()
        server.node_users.add("n1")
        await until_let_in(server, "n1")
        await server.stop()


async def test_a_chosen_program_that_is_not_there(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADEWIND_NATS_BIN", str(home.folder))
    with pytest.raises(NoNats, match=r"TRADEWIND_NATS_BIN is .*: give the path of nats-server"):
        await EmbeddedNats(home, Settings(home)).start()


async def test_no_password_is_in_a_log_or_in_ps(nats_server: EmbeddedNats) -> None:
    password = nats_server.node_users.add("n1")
    await until_let_in(nats_server, "n1")
    seen = all_command_lines() + (nats_server.home.logs / "nats.log").read_text()
    assert password not in seen
    assert nats_server.settings.password(f"nats.{ADMIN}") not in seen


async def test_a_node_comes_and_goes_while_others_stay(nats_server: EmbeddedNats) -> None:
    users = nats_server.node_users
    await until_added(nats_server, "stays", "goes")
    async with as_node(nats_server, "stays") as stays, as_node(nats_server, "goes") as goes:
        password = users.add("goes")
        users.remove("goes")
        users.remove("goes")
        await asyncio.wait_for(goes.closed.wait(), timeout=2)
        assert stays.client.is_connected
        assert not stays.refused
        with pytest.raises(nats.errors.Error):
            async with calling(nats_server.address, user="node-goes", password=password):
                pass
    assert users.nodes() == ["stays"]
    assert users.add("goes") != password


async def until_added(server: EmbeddedNats, *nodes: str) -> None:
    server.node_users.add_all(nodes)
    for node in nodes:
        await until_let_in(server, node)


async def test_nodes_added_before_a_start_are_let_in(nats_server: EmbeddedNats) -> None:
    await nats_server.stop()
    nats_server.node_users.add("n1")
    await nats_server.start()
    async with as_node(nats_server, "n1"):
        pass


ADD_TWENTY = """
import sys
from pathlib import Path
from tradewind.common.bus.node_users import NodeUsers
users = NodeUsers(users_file=Path(sys.argv[1]), pid_file=Path(sys.argv[2]))
for number in range(20):
    users.add(f"{sys.argv[3]}-{number}")
    users.add("shared")
"""


async def test_callers_at_once_lose_nothing(nats_server: EmbeddedNats) -> None:
    users = nats_server.node_users
    given = add_from_threads_and_processes(users)
    expected = [*(f"p{p}-{n}" for p in range(3) for n in range(20)), *(f"t-{n}" for n in range(10)), "shared"]
    assert users.nodes() == sorted(expected)
    assert given == given[:10] * 4  # whoever asks for a node is given the same password
    await asyncio.gather(until_let_in(nats_server, "p0-19"), until_let_in(nats_server, "t-9"))


def add_from_threads_and_processes(users: NodeUsers) -> list[str]:
    """What the threads were given, in the order of their calls."""
    files = [str(users.users_file), str(users.pid_file)]
    processes = [
        subprocess.Popen([sys.executable, "-c", ADD_TWENTY, *files, f"p{number}"]) for number in range(3)
    ]
    with ThreadPoolExecutor(8) as threads:
        given = list(threads.map(users.add, [f"t-{number % 10}" for number in range(40)]))
    assert [process.wait() for process in processes] == [0, 0, 0]
    return given


@pytest.mark.parametrize("node", ["", "a.b", "*", ">", "a b", "a/b", "ä", "a\n", "hand", "x" * 129])
def test_an_id_that_would_mean_more_than_one_node_is_refused(tmp_path: Path, node: str) -> None:
    users = NodeUsers(users_file=tmp_path / "nodes.conf", pid_file=tmp_path / "pid")
    with pytest.raises(ValueError, match="cannot be a node's id"):
        users.add(node)
    assert users.nodes() == []


def test_a_stale_pid_file_harms_nobody(tmp_path: Path, foreign: "subprocess.Popen[bytes]") -> None:
    users = NodeUsers(users_file=tmp_path / "nodes.conf", pid_file=tmp_path / "pid")
    users.pid_file.write_text(f"{foreign.pid}\n")
    users.add("n1")
    with pytest.raises(subprocess.TimeoutExpired):
        foreign.wait(0.05)
    foreign.kill()
    foreign.wait()
    users.add("n2")
    assert users.nodes() == ["n1", "n2"]
