"""The embedded Postgres: who may do what in it, and that it starts whatever it finds."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from tests.fixtures.servers import Database
from tests.integration.local.conftest import all_command_lines
from tradewind.local import postgres_files
from tradewind.local.home import Home
from tradewind.local.postgres import SERVICE_ROLE, EmbeddedPostgres
from tradewind.local.postgres_files import NoPostgres
from tradewind.local.server import ServerFailed
from tradewind.local.settings import Settings


async def test_services_use_what_a_migration_made_and_change_nothing(database: Database) -> None:
    owner = await asyncpg.connect(database.owner_url)
    service = await asyncpg.connect(database.url)
    try:
        await owner.execute("CREATE SCHEMA s; CREATE TABLE s.t (id serial, n int)")
        assert await service.fetchval("INSERT INTO s.t (n) VALUES (7) RETURNING id") == 1
        await service.execute("UPDATE s.t SET n = 8; DELETE FROM s.t; TRUNCATE s.t")
        for refused in (
            "CREATE TABLE s.other (n int)", "CREATE TABLE public.other (n int)", "DROP TABLE s.t",
            "ALTER TABLE s.t ADD COLUMN m int", "CREATE SCHEMA other", "CREATE DATABASE other",
            "ALTER SYSTEM SET fsync = off", "COPY s.t TO PROGRAM 'true'",
        ):  # fmt: skip
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await service.execute(refused)
    finally:
        await service.close()
        await owner.close()


async def test_a_wrong_password_is_refused(postgres: EmbeddedPostgres) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(postgres.url(), password="wrong")


async def test_it_is_durable_and_listens_to_this_machine_only(postgres: EmbeddedPostgres) -> None:
    async with postgres.connected() as connection:
        told = {
            name: await connection.fetchval("SELECT current_setting($1)", name)
            for name in (
                "fsync", "synchronous_commit", "full_page_writes", "data_checksums", "listen_addresses",
                "unix_socket_directories", "server_encoding",
            )
        }  # fmt: skip
    assert told == {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "data_checksums": "on",
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "server_encoding": "UTF8",
    }


async def test_no_password_is_in_a_log_or_in_ps(postgres: EmbeddedPostgres) -> None:
    seen = all_command_lines()
    for log in postgres.home.logs.iterdir():
        seen += log.read_text()
    for user in ("postgres", SERVICE_ROLE):
        assert postgres.settings.password(f"postgres.{user}") not in seen


async def test_databases_are_copies_of_their_template(postgres: EmbeddedPostgres) -> None:
    await postgres.create_database("base")
    async with postgres.connected("base") as connection:
        await connection.execute("CREATE TABLE t AS SELECT 1 AS n")
    await postgres.create_database("copy", template="base")
    service = await asyncpg.connect(postgres.url("copy"))
    assert await service.fetchval("SELECT n FROM t") == 1
    await postgres.drop_database("copy")  # though somebody is connected
    await postgres.drop_database("copy")
    await postgres.drop_database("base")
    assert service.is_closed() or await is_cut(service)


async def is_cut(connection: asyncpg.Connection) -> bool:
    try:
        await connection.fetchval("SELECT 1")
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        return True
    return False


@pytest.fixture(scope="module")
def made_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a database, never started in its place."""
    home = Home(tmp_path_factory.mktemp("made"))
    with home.locked():
        asyncio.run(start_and_stop(home))
    return home.folder


async def start_and_stop(home: Home, *, expect: str = "") -> None:
    server = EmbeddedPostgres(home, Settings(home))
    await server.start()
    try:
        async with server.connected("tradewind") as connection:
            assert await connection.fetchval("SELECT true")
    finally:
        await server.stop()


def foreign_process_in_pid_file(data: Path, foreign: int) -> None:
    (data / "postmaster.pid").write_text(f"{foreign}\n{data}\n0\n5432\n\n127.0.0.1\n\nready\n")


def short_pid_file(data: Path, foreign: int) -> None:
    (data / "postmaster.pid").write_text("")


def dead_process_in_pid_file(data: Path, foreign: int) -> None:
    gone = subprocess.Popen(["/bin/true"])
    gone.wait()
    foreign_process_in_pid_file(data, gone.pid)


@pytest.mark.parametrize("litter", [foreign_process_in_pid_file, short_pid_file, dead_process_in_pid_file])
async def test_it_starts_over_a_stale_pid_file(
    made_home: Path, foreign: "subprocess.Popen[bytes]", litter: Callable[[Path, int], None]
) -> None:
    litter(made_home / "postgres" / "data", foreign.pid)
    home = Home(made_home)
    with home.locked():
        await start_and_stop(home)
    assert foreign.poll() is None  # it was not taken for ours


async def test_a_path_may_hold_anything(tmp_path: Path) -> None:
    home = Home(tmp_path / 'it\'s a "home" \\ café')
    with home.locked():
        (home.postgres / "data.new").mkdir()  # as a start leaves it that is killed in initdb
        (home.postgres / "data.new" / "junk").write_text("")
        await start_and_stop(home)
        assert sorted(path.name for path in home.postgres.iterdir()) == [
            "data",
            "pg_hba.conf",
            "postgresql.conf",
        ]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("first", ["cannot:be", "userns:4000000000"])
async def test_root_without_user_namespaces_runs_it_as_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    nobody = postgres_files.identities()[1]
    monkeypatch.setattr(postgres_files, "identities", lambda: [first, nobody])
    home = Home(tmp_path / "home")
    with home.locked():
        await start_and_stop(home)
        assert f"setuid:{(home.postgres / 'data').stat().st_uid}" in nobody
        await start_and_stop(home)


async def test_a_failing_start_says_why(made_home: Path, tmp_path: Path) -> None:
    shutil.copytree(made_home, tmp_path / "copy", symlinks=True)
    home = Home(tmp_path / "copy")
    (home.postgres / "data" / "global" / "pg_control").unlink()
    with (
        home.locked(),
        pytest.raises(ServerFailed, match=r"(?s)ended with exit code .*pg_control.*postgres\.log"),
    ):
        await EmbeddedPostgres(home, Settings(home)).start()


async def test_chosen_programs_that_are_not_there(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADEWIND_PG_BIN", str(home.folder))
    with pytest.raises(NoPostgres, match=r"TRADEWIND_PG_BIN is .* name the folder that holds `initdb`"):
        await EmbeddedPostgres(home, Settings(home)).start()
