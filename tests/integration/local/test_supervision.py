"""Whatever is killed, in whatever order: the supervisor hears of it at once, and the next start works."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nats
import pytest

from tradewind.common.processes import ended, started_at
from tradewind.local.child_process import ChildProcess
from tradewind.local.home import Home, HomeInUse
from tradewind.local.nats_config import ADMIN
from tradewind.local.nats_server import EmbeddedNats
from tradewind.local.postgres import EmbeddedPostgres
from tradewind.local.server import EmbeddedServer
from tradewind.local.settings import Settings

SUPERVISOR = Path(__file__).with_name("supervisor.py")


async def supervise(home: Home) -> tuple[EmbeddedPostgres, EmbeddedNats]:
    settings = Settings(home)
    postgres, bus = EmbeddedPostgres(home, settings), EmbeddedNats(home, settings)
    await asyncio.gather(postgres.start(), bus.start())
    return postgres, bus


async def leave_marks(postgres: EmbeddedPostgres, bus: EmbeddedNats) -> None:
    async with postgres.connected("tradewind") as connection:
        await connection.execute("CREATE TABLE IF NOT EXISTS mark (n int); INSERT INTO mark VALUES (1)")
    client = await nats.connect(bus.url(ADMIN))
    await client.jetstream().add_stream(name="MARKS", subjects=["mark"])
    await client.jetstream().publish("mark", b"1")
    await client.close()


async def marks(postgres: EmbeddedPostgres, bus: EmbeddedNats) -> tuple[int | None, int]:
    async with postgres.connected("tradewind") as connection:
        rows = await connection.fetchval("SELECT count(*) FROM mark")
    client = await nats.connect(bus.url(ADMIN))
    stream = await client.jetstream().stream_info("MARKS")
    await client.close()
    return rows, stream.state.messages


async def wait_all(pids: list[int], *, seconds: float) -> None:
    async with asyncio.timeout(seconds):
        await asyncio.gather(*(ended(pid) for pid in pids))


def test_a_death_is_told_at_once_and_a_new_start_has_everything(home: Home) -> None:
    async def story() -> None:
        servers = postgres, bus = await supervise(home)
        await leave_marks(postgres, bus)
        for killed in servers:
            port, pid = killed.port, killed.pid
            assert pid is not None
            waiting = [asyncio.create_task(killed.wait_dead()) for _ in range(3)]
            await asyncio.sleep(0)
            began = time.monotonic()
            os.kill(pid, signal.SIGKILL)
            assert await asyncio.gather(*waiting) == [-signal.SIGKILL] * 3
            assert time.monotonic() - began < 0.2
            assert killed.pid is None
            await killed.start()
            assert killed.port == port
            assert killed.pid not in {None, pid}
        assert await marks(postgres, bus) == (1, 1)
        last = [server.pid for server in servers]
        for server in servers:
            await server.stop()
            assert await server.wait_dead() == 0
        assert [started_at(pid or 0) for pid in last] == [None, None]

    asyncio.run(story())


@pytest.mark.parametrize("orphaning", [False, True])
@pytest.mark.parametrize("also_killed", [(), ("postgres",), ("nats",), ("postgres", "nats")])
def test_a_killed_supervisor_leaves_a_home_that_starts_again(
    used_home: Path, also_killed: tuple[str, ...], orphaning: bool
) -> None:
    async def story() -> None:
        pids = kill_a_supervisor(used_home, also_killed, orphaning=orphaning)
        if not orphaning:
            await wait_all(list(pids.values()), seconds=5)
        home = Home(used_home)
        with home.locked():
            postgres, bus = await supervise(home)
            try:
                assert not {postgres.pid, bus.pid} & set(pids.values())
                assert await marks(postgres, bus) == (1, 1)
                await wait_all(list(pids.values()), seconds=1)  # the orphans are gone too
            finally:
                await asyncio.gather(postgres.stop(), bus.stop())

    asyncio.run(story())


def kill_a_supervisor(folder: Path, also_killed: tuple[str, ...], *, orphaning: bool) -> dict[str, int]:
    """The pids of its servers."""
    command = [sys.executable, str(SUPERVISOR), str(folder), *(["orphaning"] if orphaning else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as supervisor:
        assert supervisor.stdout is not None
        pids: dict[str, int] = json.loads(supervisor.stdout.readline())
        with pytest.raises(HomeInUse, match=str(supervisor.pid)), Home(folder).locked():
            pass
        supervisor.kill()
        for name in also_killed:
            os.kill(pids[name], signal.SIGKILL)
    return pids


@pytest.fixture(scope="module")
def used_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    async def use() -> None:
        postgres, bus = await supervise(home)
        await leave_marks(postgres, bus)
        await asyncio.gather(postgres.stop(), bus.stop())

    home = Home(tmp_path_factory.mktemp("used"))
    with home.locked():
        asyncio.run(use())
    return home.folder


def test_two_homes_run_side_by_side(used_home: Path, tmp_path: Path) -> None:
    async def story() -> None:
        one, other = Home(used_home), Home(tmp_path)
        with one.locked(), other.locked():
            servers: list[EmbeddedServer] = [*await supervise(one), EmbeddedNats(other, Settings(other))]
            await servers[-1].start()
            try:
                assert len({server.port for server in servers}) == 3
            finally:
                await asyncio.gather(*(server.stop() for server in servers))

    asyncio.run(story())


async def test_servers_are_spawned_on_the_main_thread_only(home: Home) -> None:
    def spawn() -> None:
        ChildProcess.spawn(["/bin/true"], log=home.logs / "x.log", death_signal=signal.SIGTERM)

    with pytest.raises(RuntimeError, match="main thread"):
        await asyncio.to_thread(spawn)


def test_one_that_is_killed_while_it_starts_is_started_again(home: Home) -> None:
    """As Postgres, when it is killed a second time while it replays its log."""

    async def story() -> None:
        postgres = EmbeddedPostgres(home, Settings(home))
        await postgres.start()
        await postgres.stop()
        starting = asyncio.create_task(postgres.start())
        while postgres.pid is None:  # noqa: ASYNC110 - a spawn tells nobody
            await asyncio.sleep(0)
        os.kill(postgres.pid, signal.SIGKILL)
        await starting
        try:
            async with postgres.connected() as connection:
                assert await connection.fetchval("SELECT 1") == 1
        finally:
            await postgres.stop()

    asyncio.run(story())
