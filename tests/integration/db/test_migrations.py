"""The schemas that migrations make: what the services declare, made once, by whoever comes first."""

import asyncio
import importlib
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData

from tests.fixtures.servers import Database
from tests.integration.db.conftest import create_all
from tests.integration.db.schema_of import schema_of
from tradewind.common.db.engine import create_engine
from tradewind.common.db.migrate import migrate, pending
from tradewind.common.db.revisions import VERSION_TABLE, folders
from tradewind.local.postgres import EmbeddedPostgres
from tradewind.local.postgres_files import SUPERUSER

SERVICES = folders()
ROOT = Path(__file__).resolve().parents[3]


def declared(service: str) -> MetaData:
    return importlib.import_module(f"tradewind.{service}.store").METADATA


@pytest.fixture(scope="module")
async def created(postgres: EmbeddedPostgres) -> Database:
    """What the stores declare, made without migrations."""
    name = "created"
    await postgres.create_database(name)
    url = postgres.url(name, user=SUPERUSER)
    await create_all(url, *map(declared, SERVICES))
    return Database(name, postgres.url(name), url)


def test_every_store_has_migrations() -> None:
    stores = {path.parent.name for path in ROOT.glob("services/*/src/tradewind/*/store.py")}
    assert stores == set(SERVICES)


@pytest.mark.parametrize("service", SERVICES)
async def test_migrations_make_what_is_declared(
    migrated_template: Database, created: Database, service: str
) -> None:
    is_there = await schema_of(migrated_template.owner_url, service, without=VERSION_TABLE)
    assert is_there == await schema_of(created.owner_url, service, without=VERSION_TABLE)
    assert is_there


@pytest.mark.parametrize("service", SERVICES)
async def test_alembic_sees_no_difference(migrated_template: Database, service: str) -> None:
    def differences(connection: Connection) -> Iterable[object]:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True,
                "include_name": lambda name, kind, _: kind != "schema" or name == service,
                "version_table": VERSION_TABLE,
                "version_table_schema": service,
                "compare_server_default": True,
            },
        )
        return compare_metadata(context, declared(service))

    engine = create_engine(migrated_template.owner_url, service="tests")
    async with engine.connect() as connection:
        assert list(await connection.run_sync(differences)) == []
    await engine.dispose()


async def test_many_at_once_make_each_revision_once(empty: Database) -> None:
    wanted = [str(revision) for revision in await pending(empty.owner_url)]
    assert len(wanted) >= len(SERVICES)
    done, *processes = await asyncio.gather(
        migrate(empty.owner_url), command(empty.owner_url), command(empty.owner_url)
    )
    assert [code for code, _, _ in processes] == [0, 0]
    said = [line for _, output, _ in processes for line in output.splitlines() if line != "nothing to do"]
    assert sorted([*map(str, done), *said]) == wanted
    assert await pending(empty.owner_url) == []
    assert await migrate(empty.owner_url) == []


async def command(url: str | None, *arguments: str) -> tuple[int, str, str]:
    """Exit code, output and complaints of the command."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tradewind.common.db.migrate", *arguments),
        env={"TRADEWIND_POSTGRES_URL": url} if url else {},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, complaints = await process.communicate()
    return process.returncode or 0, output.decode(), complaints.decode()


async def test_the_command_says_what_it_needs() -> None:
    assert await command(None) == (
        2,
        "",
        "TRADEWIND_POSTGRES_URL is not set; write it as postgresql://user:password@host/database\n",
    )


async def test_looking_for_work_does_not_import_alembic(empty: Database) -> None:
    script = f"""if True:
        import asyncio, sys
        from tradewind.common.db.migrate import pending
        assert asyncio.run(pending({empty.owner_url!r}))
        assert "alembic" not in sys.modules
    """
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script)
    assert await process.wait() == 0
