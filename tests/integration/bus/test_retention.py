"""EVENTS: what is read goes when it is old or in the way; what is not read stays, and pushes back."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.integration.bus.nats_world import NatsWorld
from tests.integration.contract.bus_contract import PATIENCE_S, numbered, packet, take
from tradewind.common.bus.nats_bus import NatsBus
from tradewind.common.bus.retention import EventsKeeper, trim
from tradewind.common.reactor.ports import Unavailable
from tradewind.local.nats_config import ADMIN

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
SOON = datetime.now(UTC) + timedelta(days=1)


async def first(world: NatsWorld) -> int:
    return (await world.admin.js.stream_info("EVENTS")).state.first_seq


async def read(world: NatsWorld, bus: NatsBus, service: str, count: int) -> None:
    intake = await bus.intake(stream="EVENTS", durable=service)
    await intake.ack(await take(intake, count))
    await intake.close()


async def test_old_events_go_once_all_have_read_them(world: NatsWorld) -> None:
    bus = await world.bus()
    await bus.publish(numbered("evt.default.job.queued", range(10)))
    assert await trim(world.admin, older_than=SOON) == 0, "nobody is known to have read them"
    await world.durable("EVENTS", "scheduler", "evt.*.job.*")
    await world.durable("EVENTS", "optimizer", "evt.>")
    await world.durable(
        "EVENTS", "provisioner", "evt.*.node.*"
    )  # none of these: it has read all that it hears
    await read(world, bus, "scheduler", 10)
    assert await trim(world.admin, older_than=SOON) == 0
    await read(world, bus, "optimizer", 4)
    assert await trim(world.admin, older_than=SOON) == 4
    assert await first(world) == 5
    await read(world, bus, "optimizer", 6)
    assert await trim(world.admin, older_than=LONG_AGO) == 0
    assert await trim(world.admin, older_than=SOON) == 6
    assert await bus.last_sequence("EVENTS") == 10


async def test_what_is_young_stays(world: NatsWorld) -> None:
    await world.durable("EVENTS", "scheduler", "evt.>")
    bus = await world.bus()
    await bus.publish(numbered("evt.default.job.queued", range(5)))
    await asyncio.sleep(0.05)
    middle = datetime.now(UTC)
    await asyncio.sleep(0.05)
    await bus.publish(numbered("evt.default.job.queued", range(5)))
    await read(world, bus, "scheduler", 10)
    assert await trim(world.admin, older_than=middle) == 5
    assert await trim(world.admin, older_than=middle) == 0
    assert await first(world) == 6


async def test_a_full_stream_that_is_read_gets_room(world: NatsWorld) -> None:
    await world.prepare(events_bytes=100_000)
    await world.durable("EVENTS", "scheduler", "evt.>")
    bus, large = await world.bus(), [packet("evt.default.job.queued", "x" * 1000)]
    with pytest.raises(Unavailable, match="maximum bytes"):
        await bus.publish(large * 200)
    state = (await world.admin.js.stream_info("EVENTS")).state
    assert await trim(world.admin, older_than=LONG_AGO) == 0
    await read(world, bus, "scheduler", state.messages)
    keeper = asyncio.create_task(EventsKeeper(world.server.url(ADMIN)).run())
    async with asyncio.timeout(PATIENCE_S):
        while await first(world) == 1:  # noqa: ASYNC110 # a purge tells nobody
            await asyncio.sleep(0.02)
    keeper.cancel()
    left = (await world.admin.js.stream_info("EVENTS")).state
    assert 45_000 < left.bytes < 55_000
    assert await bus.publish(large * 20)
