"""Dead letters on a real stream: listed, sent again, removed; hostile headers do no harm."""

import pytest

from tests.integration.bus.nats_world import NatsWorld
from tests.integration.contract.bus_contract import take
from tradewind.common.bus.dead_letter_box import DeadLetterBox, NoSuchLetter
from tradewind.common.bus.dead_letters import dead_letter
from tradewind.common.contracts.envelope import Packet
from tradewind.common.reactor.aggregate import Ref


def refused(number: int, **headers: str) -> Packet:
    return Packet("cmd.scheduler.close_claim", {"ce-id": str(number), **headers}, f"body {number}".encode())


async def test_newest_first_and_by_service(world: NatsWorld) -> None:
    bus, box = await world.bus(), DeadLetterBox(world.admin)
    for number in range(6):
        service = ("scheduler", "optimizer")[number % 2]
        await bus.publish(
            [dead_letter(refused(number), service=service, why=f"why {number}", ref=Ref("Claim", "c"))]
        )
    assert await box.count() == 6
    newest = await box.newest(4)
    assert [letter.sequence for letter in newest] == [6, 5, 4, 3]
    assert (newest[0].service, newest[0].reason, newest[0].row) == ("optimizer", "why 5", "Claim/c")
    assert newest[0].packet == refused(5)
    assert [letter.sequence for letter in await box.newest(9, service="scheduler")] == [5, 3, 1]


async def test_a_letter_is_sent_again_once(world: NatsWorld) -> None:
    await world.durable("COMMANDS", "scheduler", "cmd.scheduler.>")
    bus, box = await world.bus(), DeadLetterBox(world.admin)
    packet = refused(1, **{"Nats-Msg-Id": "1", "traceparent": "00-ab-cd-01"})
    await bus.publish([packet])
    intake = await bus.intake(stream="COMMANDS", durable="scheduler")
    await intake.ack(await take(intake, 1))
    await bus.publish([dead_letter(packet, service="scheduler", why="no\nsuch   claim")])
    [letter] = await box.newest(5)
    assert letter.reason == "no such claim"
    await box.redrive(letter.sequence)
    [again] = await take(intake, 1)
    headers = dict(again.packet.headers)
    assert headers.pop("Nats-Msg-Id") != "1"
    assert headers == {"ce-id": "1", "traceparent": "00-ab-cd-01", "tw-redriven": "1"}
    assert (again.packet.subject, again.packet.body) == (packet.subject, packet.body)
    assert await box.newest(5) == []
    with pytest.raises(NoSuchLetter, match="no dead letter 1"):
        await box.redrive(letter.sequence)


async def test_the_same_refusal_is_one_letter(world: NatsWorld) -> None:
    bus, box = await world.bus(), DeadLetterBox(world.admin)
    packet = refused(1, **{"Nats-Msg-Id": "1"})
    for row in ("a", "b", "a"):
        await bus.publish([dead_letter(packet, service="scheduler", why="no", ref=Ref("Claim", row))])
    assert [letter.row for letter in await box.newest(5)] == ["Claim/b", "Claim/a"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Nats-Rollup": "all"},
        {"nats-rollup": "all"},
        {"Nats-Expected-Stream": "EVENTS"},
        {"Nats-Expected-Last-Sequence": "77"},
        {"Nats-TTL": "1"},
        {"Nats-Schedule": "@every 1s"},
        {"Nats-Batch-Id": "b"},
        {"": "no name", "a b": "a space", "c:d": "a colon"},
        {"ce-type": "ü\r\nNats-Rollup: all"},
    ],
    ids=str,
)
async def test_headers_for_the_server_go_no_further(world: NatsWorld, headers: dict[str, str]) -> None:
    bus, box = await world.bus(), DeadLetterBox(world.admin)
    await bus.publish([dead_letter(refused(1), service="scheduler", why="first")])
    await bus.publish([dead_letter(refused(2, **headers), service="scheduler", why="second")])
    assert [letter.reason for letter in await box.newest(5)] == ["second", "first"]


async def test_the_largest_message_still_fits(world: NatsWorld) -> None:
    await world.durable("EVENTS", "scheduler", "evt.>")
    bus, box = await world.bus(), DeadLetterBox(world.admin)
    limit = (await world.admin.js.stream_info("EVENTS")).config.max_msg_size
    assert limit is not None
    largest = Packet("evt.default.job.queued", {"ce-id": "1"}, bytes(limit - 100))
    await bus.publish([largest])
    intake = await bus.intake(stream="EVENTS", durable="scheduler")
    [delivery] = await take(intake, 1)
    await bus.publish([dead_letter(delivery.packet, service="scheduler", why="ü" * 5000)])
    [letter] = await box.newest(1)
    assert letter.packet.body == largest.body
