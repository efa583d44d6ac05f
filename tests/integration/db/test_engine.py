"""Connections that were lost, cut short or are all taken; and errors that are not to be waited out."""

import asyncio
from collections.abc import AsyncGenerator

import asyncpg
import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.fixtures.servers import Database
from tests.integration.contract.store_contract import TTL_S, leading
from tradewind.common.db.engine import CONNECTIONS, create_engine, driver_connection
from tradewind.common.db.postgres_store import PostgresStore
from tradewind.common.reactor.ports import Unavailable


@pytest.fixture
async def impatient(database: Database) -> AsyncGenerator[AsyncEngine]:
    engine = create_engine(database.url, service="impatient", statement_s=0.2)
    yield engine
    await engine.dispose()


async def value(engine: AsyncEngine, sql: str) -> object:
    async with driver_connection(engine) as connection:
        return await connection.fetchval(sql)


async def test_postgres_knows_who_is_connected(engine: AsyncEngine) -> None:
    assert await value(engine, "SELECT current_setting('application_name')") == "tradewind.contract"


async def test_json_comes_as_text_on_both_ways(engine: AsyncEngine) -> None:
    assert await value(engine, """SELECT '{"a": 1}'::jsonb""") == '{"a": 1}'
    async with engine.connect() as connection:
        assert await connection.scalar(text("""SELECT '{"a": 1}'::jsonb""")) == '{"a": 1}'


async def test_what_the_server_closed_is_replaced_unseen(
    store: PostgresStore, engine: AsyncEngine, database: Database
) -> None:
    lease = await leading(store)
    killer = await asyncpg.connect(database.owner_url)
    killed = await killer.fetchval(
        """SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
           WHERE datname = $1 AND pid <> pg_backend_pid()""",
        database.name,
    )
    await killer.close()
    assert killed >= 1
    await asyncio.sleep(0.1)  # so that the end of the connection has arrived here
    await store.renew(lease, ttl_s=TTL_S)


async def test_a_statement_that_takes_too_long_is_ended(impatient: AsyncEngine) -> None:
    with pytest.raises(Unavailable, match="57014"):
        await value(impatient, "SELECT pg_sleep(30)")
    assert await value(impatient, "SELECT 1") == 1


async def test_a_cancelled_statement_does_not_come_back_to_life(
    engine: AsyncEngine, database: Database
) -> None:
    sleeping = asyncio.create_task(value(engine, "SELECT pg_sleep(30)"))
    await asyncio.sleep(0.1)
    sleeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sleeping
    assert await value(engine, "SELECT 1") == 1
    observer = await asyncpg.connect(database.owner_url)
    still = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND datname = $1"
    async with asyncio.timeout(5):
        while await observer.fetchval(f"{still} AND state = 'active'", database.name):
            await observer.execute("SELECT pg_sleep(0.01)")
    await observer.close()


async def test_one_more_than_the_pool_holds_waits(engine: AsyncEngine) -> None:
    held = [await engine.connect() for _ in range(CONNECTIONS)]
    waiting = asyncio.create_task(value(engine, "SELECT 1"))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await held[0].close()
    assert await waiting == 1
    for connection in held[1:]:
        await connection.close()


async def test_a_server_that_is_away_is_unavailable(database: Database) -> None:
    url = make_url(database.url).set(port=1).render_as_string(hide_password=False)
    engine = create_engine(url, service="tests")
    with pytest.raises(Unavailable):
        await value(engine, "SELECT 1")
    await engine.dispose()


@pytest.mark.parametrize("sql", ["SELECT * FROM nothing", "SELEC"])
async def test_faults_of_ours_are_loud(engine: AsyncEngine, sql: str) -> None:
    with pytest.raises(asyncpg.SyntaxOrAccessError):
        await value(engine, sql)


async def test_a_wrong_password_is_loud(database: Database) -> None:
    url = make_url(database.url).set(password="wrong").render_as_string(hide_password=False)
    engine = create_engine(url, service="tests")
    with pytest.raises((DBAPIError, asyncpg.InvalidPasswordError)):
        await value(engine, "SELECT 1")
    await engine.dispose()
