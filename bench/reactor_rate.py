"""Transitions a second of one reactor, beside the bare cost of the same messages, rows and syncs."""

import asyncio
import gc
import logging
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median

import uvloop
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from bench.figure import Figure, Target
from bench.stacks import home
from tradewind.common.bus import topology
from tradewind.common.bus.connection import Connection, connect
from tradewind.common.bus.nats_bus import NatsBus
from tradewind.common.contracts.envelope import Envelope, encode
from tradewind.common.contracts.job import JobSummary, RoleSummary, SubmitJob
from tradewind.common.contracts.values import Shape
from tradewind.common.db.engine import create_engine
from tradewind.common.db.migrate import migrate
from tradewind.common.db.postgres_store import PostgresStore
from tradewind.common.reactor.fold import fold_batch
from tradewind.common.reactor.leader import BATCH, LEASE_TTL_S, Leader
from tradewind.common.reactor.ports import Batch, Position
from tradewind.common.runtime.clock import SystemClock
from tradewind.jobs_controller.wiring import wiring
from tradewind.local.home import Home
from tradewind.local.nats_config import ADMIN
from tradewind.local.nats_server import EmbeddedNats
from tradewind.local.postgres import EmbeddedPostgres
from tradewind.local.postgres_files import SUPERUSER
from tradewind.local.settings import Settings
from tradewind.local.wirings import READERS, wirings

SERVICE = "jobs_controller"
STREAM = "COMMANDS"
WIRING = wiring(lambda grant: "")
LOOK_S = 0.005
STUCK_S = 120.0


@dataclass(frozen=True, slots=True)
class World:
    engine: AsyncEngine
    owner: AsyncEngine
    """May do what a service may not."""
    connection: Connection
    bus: NatsBus

    def store(self) -> PostgresStore:
        return PostgresStore(self.engine, service=SERVICE, kinds=WIRING.kinds, hands=WIRING.hands)


def reactor_rate(*, quick: bool) -> Iterator[Figure]:
    count, rounds = (400, 1) if quick else (4_000, 5)
    logging.getLogger("tradewind").setLevel(logging.WARNING)
    with home() as path:
        pairs = uvloop.run(_measure(Home(path), count=count, rounds=rounds))
    with_reactor = median(reactor for reactor, _ in pairs)
    bare = median(bare for _, bare in pairs)
    how = (
        f"medians of {rounds} rounds in one run, in turns: {count} SubmitJob commands wait in the stream; "
        "the jobs controller's leader takes all of them (a new row and an event each; fsync on); bare: "
        "the same fetch, commit of as many such rows and messages made beforehand, publication and ack, "
        "without decoding, loading, deciding and encoding"
    )
    parts = {"bare_per_s": bare, "ratio": with_reactor / bare}
    yield Figure("reactor_transitions", with_reactor, "transitions/s", how, parts=parts)
    yield Figure("reactor_of_bare", 100 * with_reactor / bare, "%", how, Target(">=", 50), parts)


async def _measure(at: Home, *, count: int, rounds: int) -> list[tuple[float, float]]:
    at.prepare()
    with at.locked():
        async with _servers(at) as world:
            return [
                (
                    await _reactor(world, count, f"reactor-{number}"),
                    await _bare(world, count, f"bare-{number}"),
                )
                for number in range(rounds)
            ]


async def _reactor(world: World, count: int, name: str) -> float:
    await _forget_all(world)
    await world.bus.publish([encode(one) for one in _commands(count, name)])
    leader = Leader(WIRING, store=world.store(), bus=world.bus, clock=SystemClock(), holder="bench")
    began = time.perf_counter()
    leading = asyncio.create_task(leader.run())
    try:
        async with asyncio.timeout(STUCK_S):
            while await _waiting(world):  # noqa: ASYNC110 -- the server tells nobody of acks
                await asyncio.sleep(LOOK_S)
        return count / (time.perf_counter() - began)
    finally:
        leading.cancel()
        await asyncio.gather(leading, return_exceptions=True)


async def _bare(world: World, count: int, name: str) -> float:
    """What `_reactor` does, but what comes of each command is known beforehand."""
    commands = _commands(count, name)
    outcome = fold_batch(WIRING, {}, commands, now=datetime.now(UTC))
    rows, packets = list(outcome.rows.values()), [encode(one) for one in outcome.outbox]
    await world.bus.publish([encode(one) for one in commands])
    await _forget_all(world)
    store, sent, done = world.store(), list[tuple[int, Position]](), 0
    began = time.perf_counter()
    lease = await store.acquire(holder="bench", ttl_s=LEASE_TTL_S)
    intake = await world.bus.intake(stream=STREAM, durable=SERVICE)
    while done < count:
        deliveries = await intake.fetch(BATCH)
        upto = done + len(deliveries)
        batch = Batch(created=rows[done:upto], outbox=packets[done:upto], sent=sent)
        ids = await store.commit(lease, batch, ttl_s=LEASE_TTL_S)
        sent = list(zip(ids, await world.bus.publish(batch.outbox), strict=True))
        await intake.ack(deliveries)
        done = upto
    took = time.perf_counter() - began
    await intake.close()
    return count / took


def _commands(count: int, name: str) -> list[Envelope]:
    now = datetime.now(UTC)
    summary = JobSummary(name="bench", roles=(RoleSummary(name="main", count=1, shape=Shape(cpus=1)),))
    return [
        Envelope(
            id=f"{name}-{number}",
            message=SubmitJob(
                id=f"{name}-{number}",
                workspace="default",
                number=number + 1,
                user="bench",
                summary=summary,
                spec_ref="0" * 64,
                submitted_at=now,
            ),
            source="bench",
            time=now,
            correlation=f"{name}-{number}",
        )
        for number in range(count)
    ]


async def _forget_all(world: World) -> None:
    """No round shall pay for the rows of an earlier one, which a leader reads when it begins."""
    async with world.owner.begin() as connection:
        await connection.execute(text(f"TRUNCATE {SERVICE}.job, {SERVICE}.outbox"))
    gc.collect()


async def _waiting(world: World) -> int:
    """Commands that are not acked."""
    info = await world.connection.js.consumer_info(STREAM, SERVICE)
    return (info.num_pending or 0) + (info.num_ack_pending or 0)


@asynccontextmanager
async def _servers(at: Home) -> AsyncGenerator[World]:
    """Both servers with schemas and streams, and no service."""
    settings = Settings(at)
    postgres, nats = EmbeddedPostgres(at, settings), EmbeddedNats(at, settings)
    await asyncio.gather(postgres.start(), nats.start())
    try:
        await migrate(postgres.url(user=SUPERUSER))
        admin = await connect(nats.url(ADMIN), name="bench.topology")
        await topology.apply(admin, wirings(), readers=READERS)
        engine = create_engine(postgres.url(), service=SERVICE, generic_plans=True)
        owner = create_engine(postgres.url(user=SUPERUSER), service="bench")
        connection = await connect(nats.url(SERVICE), name="bench")
        bus = NatsBus(connection)
        try:
            yield World(engine, owner, admin, bus)
        finally:
            await bus.close()
            await connection.close()
            await admin.close()
            await engine.dispose()
            await owner.dispose()
    finally:
        await asyncio.gather(postgres.stop(), nats.stop())
