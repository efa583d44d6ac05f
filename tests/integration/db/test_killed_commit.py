"""Whatever dies within a commit, all of it is there afterwards or nothing, and the next one goes through."""

import asyncio

import asyncpg
import pytest
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.fixtures.servers import Database
from tests.integration.contract.store_contract import (
    HANDS,
    KINDS,
    SERVICE,
    TTL_S,
    commit,
    lamp,
    leading,
    packet,
    turn,
)
from tests.integration.db.cutting_proxy import Cut, cutting_proxy
from tradewind.common.db.engine import create_engine
from tradewind.common.db.postgres_store import PostgresStore
from tradewind.common.reactor.ports import Batch, Lease, Position, Unavailable

OLD = lamp("old")
LIT = OLD.evolve(colour="red")

# A lock that another session holds, by the part of the commit that it stops.
STOPS = {
    "fence": "SELECT FROM contract.lease FOR UPDATE",
    "updated_lamp": "SELECT FROM contract.lamp FOR UPDATE",
    "created_lamp": """INSERT INTO contract.lamp
                           (id, workspace, phase, version, terminal, parked, state, schema_v)
                       VALUES ('new', '', '', 1, true, '', '{}', 1)""",
    "closed": "SELECT FROM contract.intent FOR UPDATE",
    "opened": "INSERT INTO contract.intent (id, hand, target, payload) VALUES ('second', '', '', '{}')",
    "noted": "SELECT FROM contract.outbox FOR UPDATE",
    "said": """INSERT INTO contract.outbox (id, subject, headers, body)
               SELECT last_value + 1, '', '{}', '' FROM contract.outbox_id_seq""",
}


async def prepared(store: PostgresStore) -> tuple[Lease, Batch]:
    """A lease, and a batch that needs every part of the commit."""
    lease = await leading(store)
    first = Batch(created=[OLD], outbox=[packet("one")], intents=[turn("open")])
    [sent] = await commit(store, lease, first)
    return lease, Batch(
        created=[lamp("new")],
        updated=[(LIT, OLD.version)],
        outbox=[packet("two")],
        intents=[turn("second")],
        closed_intents=["open"],
        sent=[(sent, Position("EVENTS", 1))],
    )


async def is_done(store: PostgresStore) -> bool:
    """Whether the batch is there, all of it; fails if it is there in part."""
    rows = await store.living()
    subjects = [unsent.packet.subject for unsent in await store.unsent()]
    intents = [opened.intent.id for opened in await store.open_intents()]
    sent = await store.last_sent()
    if rows == [OLD]:
        assert (subjects, intents, sent) == (["one"], ["open"], {})
        return False
    assert (rows, subjects, intents, sent) == ([lamp("new"), LIT], ["two"], ["second"], {"EVENTS": 1})
    return True


@pytest.mark.parametrize("part", STOPS)
async def test_a_backend_killed_within_a_commit_leaves_nothing(
    store: PostgresStore, database: Database, part: str
) -> None:
    lease, batch = await prepared(store)
    other = await asyncpg.connect(database.owner_url)
    stop = other.transaction()
    await stop.start()
    await other.execute(STOPS[part])
    committing = asyncio.create_task(commit(store, lease, batch))
    await kill_when_stopped(database)
    with pytest.raises(Unavailable):
        await committing
    await stop.rollback()
    await other.close()
    assert not await is_done(store)
    await commit(store, lease, batch)
    assert await is_done(store)


async def kill_when_stopped(database: Database) -> None:
    killer = await asyncpg.connect(database.owner_url)
    kill = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
              WHERE application_name = $1 AND datname = $2 AND wait_event_type = 'Lock'"""
    async with asyncio.timeout(10):
        while not await killer.fetchval(kill, f"tradewind.{SERVICE}", database.name):
            await killer.execute("SELECT pg_sleep(0.005)")
    await killer.close()


@pytest.mark.parametrize("cut", ["request lost", "answer lost"])
async def test_a_connection_cut_at_any_request_leaves_all_or_nothing(
    engine: AsyncEngine, database: Database, cut: Cut
) -> None:
    url = make_url(database.url)
    seen: list[bool] = []
    observer = PostgresStore(engine, service=SERVICE, kinds=KINDS, hands=HANDS)
    lease, batch = await prepared(observer)
    async with cutting_proxy(host=url.host or "", port=url.port or 0) as proxy:
        through = create_engine(
            url.set(port=proxy.port).render_as_string(hide_password=False), service="cut", generic_plans=True
        )
        store = PostgresStore(through, service=SERVICE, kinds=KINDS, hands=HANDS)
        for request in range(1, 50):
            await store.renew(lease, ttl_s=TTL_S)  # connects; the commit is not prepared yet
            proxy.cut, proxy.countdown = cut, request
            try:
                await commit(store, lease, batch)
            except Unavailable:
                seen.append(await is_done(observer))
                if seen[-1]:
                    break
            else:
                proxy.countdown = 0
                break
        await through.dispose()
    assert await is_done(observer)
    # Only the last request makes it happen, and then the client cannot know: it leads anew, and reads.
    expected = [False, True] if cut == "answer lost" else [False, False]
    assert seen[-2:] == expected
