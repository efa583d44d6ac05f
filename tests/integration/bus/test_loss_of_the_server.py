"""NATS killed with -9 and started again, lines cut, consumers taken over: one order, nothing lost."""

import asyncio
import os
import signal

import pytest

from tests.integration.bus.nats_world import NatsWorld, cut
from tests.integration.contract.bus_contract import PATIENCE_S, bodies, is_silent, packet, take
from tradewind.common.bus.intake import NatsIntake
from tradewind.common.reactor.ports import Delivery, Unavailable
from tradewind.local.nats_server import EmbeddedNats


async def kill(server: EmbeddedNats) -> None:
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    await server.wait_dead()


async def publish_until_taken(world: NatsWorld, numbers: range) -> None:
    """As the leader's outbox does: the same packets again until they are in."""
    bus = await world.bus()
    for number in numbers:
        one = packet("evt.default.job.queued", number, **{"Nats-Msg-Id": str(number)})
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    await bus.publish([one])
                    break
                except Unavailable:
                    await asyncio.sleep(0.02)


async def test_a_running_intake_goes_on_after_a_kill(world: NatsWorld) -> None:
    await world.durable("EVENTS", "scheduler", "evt.>")
    bus = await world.bus()
    intake = await bus.intake(stream="EVENTS", durable="scheduler")
    publishing = asyncio.create_task(publish_until_taken(world, range(600)))
    taken: list[Delivery] = []
    for _ in range(3):
        taken += (batch := await take(intake, 100, limit=30))
        await kill(world.server)
        await world.server.start()
        await intake.ack(batch)
    taken += (batch := await take(intake, 300))
    await intake.ack(batch)
    await publishing
    # Acks that the server had not saved when it died are made up for, and nothing is taken twice.
    assert bodies(taken) == [str(number) for number in range(600)]
    assert await is_silent(intake)
    await intake.close()
    assert await is_silent(await bus.intake(stream="EVENTS", durable="scheduler"))


async def test_what_is_in_hand_over_a_kill_is_not_given_again(world: NatsWorld) -> None:
    await world.durable("COMMANDS", "scheduler", "cmd.scheduler.>")
    bus = await world.bus()
    await bus.publish([packet("cmd.scheduler.close_claim", number) for number in range(10)])
    intake = await bus.intake(stream="COMMANDS", durable="scheduler")
    in_hand = await take(intake, 4)
    waiting = asyncio.create_task(take(intake, 6))
    await kill(world.server)
    await world.server.start()
    assert bodies(await waiting) == ["4", "5", "6", "7", "8", "9"]
    await intake.ack(in_hand)
    await intake.close()
    again = await bus.intake(stream="COMMANDS", durable="scheduler")
    assert bodies(await take(again, 6)) == ["4", "5", "6", "7", "8", "9"]


async def test_a_fetch_waits_while_the_server_is_away(
    world: NatsWorld, caplog: pytest.LogCaptureFixture
) -> None:
    await world.durable("EVENTS", "scheduler", "evt.>")
    bus = await world.bus()
    intake = await bus.intake(stream="EVENTS", durable="scheduler")
    waiting = asyncio.create_task(intake.fetch(10))
    await kill(world.server)
    await asyncio.sleep(1)
    assert not waiting.done()
    with pytest.raises(Unavailable, match="not reachable"):
        await bus.publish([packet("evt.default.job.queued")])
    with pytest.raises(Unavailable, match="not reachable"):
        await bus.last_sequence("EVENTS")
    await world.server.start()
    await publish_until_taken(world, range(1))
    assert bodies(await waiting) == ["0"]
    assert not any(record.exc_info for record in caplog.records)
    # Two connections, and for each a few sentences, not one a try.
    assert 2 <= len(caplog.records) <= 8, caplog.messages


async def test_a_publish_under_way_fails_at_once_when_the_server_dies(world: NatsWorld) -> None:
    bus = await world.bus()
    assert world.server.pid is not None
    os.kill(world.server.pid, signal.SIGSTOP)
    publishing = asyncio.create_task(
        bus.publish([packet("evt.default.job.queued", number) for number in range(300)])
    )
    await asyncio.sleep(0.1)
    assert not publishing.done()
    await kill(world.server)
    with pytest.raises(Unavailable, match="lost before it had answered"):
        async with asyncio.timeout(2):
            await publishing


async def test_a_cut_line_changes_no_order(world: NatsWorld) -> None:
    await world.durable("EVENTS", "scheduler", "evt.>")
    connection, bus = await world.connected_bus()
    intake = await bus.intake(stream="EVENTS", durable="scheduler")
    publishing = asyncio.create_task(publish_until_taken(world, range(1000)))
    taken: list[Delivery] = []
    while len(taken) < 1000:
        taken += (batch := await take(intake, min(90, 1000 - len(taken))))
        cut(connection)
        await asyncio.sleep(0.01)
        await intake.ack(batch)
    await publishing
    assert bodies(taken) == [str(number) for number in range(1000)]


async def test_who_is_superseded_hears_so_and_breaks_no_order(world: NatsWorld) -> None:
    """A leader that lost its lease and does not know yet has a pull open, and is given some."""
    await world.durable("EVENTS", "scheduler", "evt.>")
    zombie = await (await world.bus()).intake(stream="EVENTS", durable="scheduler")
    reading = asyncio.create_task(read_for_ever(zombie))
    await publish_until_taken(world, range(50))
    bus = await world.bus()
    intake = await bus.intake(stream="EVENTS", durable="scheduler")
    publishing = asyncio.create_task(publish_until_taken(world, range(50, 200)))
    assert bodies(await take(intake, 200)) == [str(number) for number in range(200)]
    await publishing
    with pytest.raises(Unavailable, match="somebody else took the consumer over"):
        async with asyncio.timeout(PATIENCE_S):
            await reading


async def read_for_ever(intake: NatsIntake) -> None:
    while True:
        await intake.fetch(10)


async def test_a_stopped_process_with_an_open_pull_breaks_no_order(world: NatsWorld) -> None:
    await world.durable("EVENTS", "scheduler", "evt.>")
    stopped = await (await world.bus()).intake(stream="EVENTS", durable="scheduler")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await stopped.fetch(20)  # its pull for 20 stays open, and nobody looks at what comes
    bus = await world.bus()
    intake = await bus.intake(stream="EVENTS", durable="scheduler")
    publishing = asyncio.create_task(publish_until_taken(world, range(100)))
    assert bodies(await take(intake, 100)) == [str(number) for number in range(100)]
    await publishing


async def test_a_deleted_consumer_is_unavailable_until_it_is_made_again(world: NatsWorld) -> None:
    await world.durable("EVENTS", "scheduler", "evt.>")
    bus = await world.bus()
    intake = await bus.intake(stream="EVENTS", durable="scheduler")
    waiting = asyncio.create_task(intake.fetch(10))
    await asyncio.sleep(0.1)
    await world.admin.js.delete_consumer("EVENTS", "scheduler")
    with pytest.raises(Unavailable):
        async with asyncio.timeout(PATIENCE_S):
            await waiting


async def test_a_full_stream_pushes_back(world: NatsWorld) -> None:
    await world.prepare(events_bytes=100_000)
    bus = await world.bus()
    with pytest.raises(Unavailable, match=r"evt\.default\.job\.queued was not stored: .*maximum bytes"):
        await bus.publish([packet("evt.default.job.queued", "x" * 1000)] * 200)
    first = (await world.admin.js.stream_info("EVENTS")).state.first_seq
    assert first == 1, "and drops nothing"
    assert await bus.publish([packet("cmd.scheduler.close_claim")])


async def test_a_message_that_is_too_large_leaves_the_connection_up(world: NatsWorld) -> None:
    connection, bus = await world.connected_bus()
    with pytest.raises(Unavailable, match="larger than the server takes"):
        await bus.publish([packet("evt.default.job.queued", "x" * connection.client.max_payload)])
    assert await bus.publish([packet("evt.default.job.queued", "x")])


async def test_a_want_with_a_lifetime_goes_by_itself(world: NatsWorld) -> None:
    bus = await world.bus()
    await bus.publish([packet("want.n1.a", "short", **{"Nats-TTL": "1"}), packet("want.n1.b", "long")])
    assert await world.stored("WANT") == 2
    await asyncio.sleep(2.2)
    assert await world.stored("WANT") == 1
