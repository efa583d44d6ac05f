"""Before and after a deployment: which revisions are made when, and what a failing one leaves behind."""

import asyncio

import asyncpg
import pytest

from tests.fixtures.servers import Database
from tests.integration.db.toy_service import ToyService, toy
from tradewind.common.db.engine import create_engine
from tradewind.common.db.migrate import PhaseRefused, SchemaBehind, migrate, pending, require_current
from tradewind.common.db.revisions import Phase
from tradewind.common.reactor.ports import Unavailable

__all__ = ["toy"]  # a fixture, by name

NEW_COLUMN = 'op.execute("ALTER TABLE toy.thing ADD COLUMN size integer")'
OLD_GONE = 'op.execute("ALTER TABLE toy.thing DROP COLUMN weight")'


@pytest.fixture
async def at_1(migrated: Database, toy: ToyService) -> Database:
    """A database at the toy's first revision."""
    toy.add("tables", phase="pre", does='op.execute("CREATE TABLE toy.thing (weight integer)")')
    await migrate(migrated.owner_url)
    return migrated


async def made(database: Database, phase: Phase | None) -> list[str]:
    return [str(revision) for revision in await migrate(database.owner_url, phase=phase)]


async def columns(database: Database) -> list[str]:
    connection = await asyncpg.connect(database.owner_url)
    rows = await connection.fetch(
        """SELECT attname FROM pg_attribute
           WHERE attrelid = 'toy.thing'::regclass AND attnum > 0 AND NOT attisdropped"""
    )
    await connection.close()
    return sorted(row[0] for row in rows)


async def test_pre_then_post(toy: ToyService, at_1: Database) -> None:
    toy.add("new", phase="pre", does=NEW_COLUMN)
    toy.add("old_gone", phase="post", does=OLD_GONE)
    assert await made(at_1, "pre") == ["toy 0002_new"]
    assert await columns(at_1) == ["size", "weight"]
    assert await made(at_1, "pre") == []
    assert await made(at_1, "post") == ["toy 0003_old_gone"]
    assert await columns(at_1) == ["size"]


async def test_post_before_pre_is_refused(toy: ToyService, at_1: Database) -> None:
    toy.add("new", phase="pre", does=NEW_COLUMN)
    toy.add("old_gone", phase="post", does=OLD_GONE)
    with pytest.raises(PhaseRefused, match="run --phase pre"):
        await migrate(at_1.owner_url, phase="post")
    assert await columns(at_1) == ["weight"]


async def test_a_release_is_finished_before_the_next_begins(toy: ToyService, at_1: Database) -> None:
    toy.add("old_gone", phase="post", does=OLD_GONE)
    toy.add("new", phase="pre", does=NEW_COLUMN)
    with pytest.raises(PhaseRefused, match="run --phase post"):
        await migrate(at_1.owner_url, phase="pre")
    assert await made(at_1, "post") == ["toy 0002_old_gone"]
    assert await made(at_1, "pre") == ["toy 0003_new"]


async def test_without_a_phase_all_is_made(toy: ToyService, at_1: Database) -> None:
    toy.add("old_gone", phase="post", does=OLD_GONE)
    toy.add("new", phase="pre", does=NEW_COLUMN)
    assert await made(at_1, None) == ["toy 0002_old_gone", "toy 0003_new"]


async def test_a_failing_revision_leaves_those_before_it(toy: ToyService, at_1: Database) -> None:
    toy.add("new", phase="pre", does=NEW_COLUMN)
    toy.add("wrong", phase="pre", does=f"{OLD_GONE}; op.execute('SELECT 1 / 0')")
    with pytest.raises(Exception, match="division by zero"):
        await migrate(at_1.owner_url)
    assert await columns(at_1) == ["size", "weight"]
    assert [str(revision) for revision in await pending(at_1.owner_url)] == ["toy 0003_wrong"]
    toy.take_back()
    toy.add("right", phase="pre", does=OLD_GONE)
    assert await made(at_1, None) == ["toy 0003_right"]


async def test_a_service_needs_what_comes_before_it_and_not_what_comes_after(
    toy: ToyService, at_1: Database
) -> None:
    engine = create_engine(at_1.url, service="toy")
    toy.add("old_gone", phase="post", does=OLD_GONE)
    await require_current(engine, "toy")
    toy.add("new", phase="pre", does=NEW_COLUMN)
    with pytest.raises(SchemaBehind, match="0003_new"):
        await require_current(engine, "toy")
    waiting = asyncio.create_task(require_current(engine, "toy", wait_s=30))
    await migrate(at_1.owner_url)
    await waiting
    await engine.dispose()


async def test_the_release_before_runs_on_the_schema_of_the_next(toy: ToyService, at_1: Database) -> None:
    toy.add("new", phase="pre", does=NEW_COLUMN)
    await migrate(at_1.owner_url)
    toy.take_back()
    engine = create_engine(at_1.url, service="toy")
    await require_current(engine, "toy")
    await engine.dispose()
    assert await pending(at_1.owner_url) == []
    assert await migrate(at_1.owner_url) == []


async def test_a_server_that_is_away_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        await pending("postgresql://nobody:secret@127.0.0.1:1/nowhere")
    with pytest.raises(Unavailable):
        await migrate("postgresql://nobody:secret@127.0.0.1:1/nowhere")
