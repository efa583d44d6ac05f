"""What every bus does, as scenarios. NATS runs them in tests/integration/bus, the simulator's bus in its own.

A scenario is a plain async function of a `BusWorld`: an empty bus that has the streams of design.md §4.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import pytest

from tradewind.common.contracts.envelope import Packet
from tradewind.common.reactor.ports import Bus, Delivery, Intake, Position, Unavailable

SILENCE_S = 0.3
"""Nothing that is to come takes that long."""
PATIENCE_S = 10.0


class BusWorld(Protocol):
    """A bus under test."""

    async def durable(self, stream: str, name: str, *filters: str) -> None:
        """Make a consumer, as the topology does."""
        ...

    async def delete(self, stream: str, name: str) -> None:
        """The server forgets a consumer."""
        ...

    async def bus(self) -> Bus:
        """The bus as one more process sees it."""
        ...

    async def crash(self, bus: Bus) -> None:
        """That process is killed: it says nothing more to anybody."""
        ...

    async def stored(self, stream: str) -> int:
        """How many messages the stream holds."""
        ...


Scenario = Callable[[BusWorld], Awaitable[None]]
SCENARIOS: list[Scenario] = []


def scenario(function: Scenario) -> Scenario:
    SCENARIOS.append(function)
    return function


def packet(subject: str, body: object = "", **headers: str) -> Packet:
    return Packet(subject, headers, str(body).encode())


def numbered(subject: str, numbers: range) -> list[Packet]:
    return [packet(subject, number) for number in numbers]


def bodies(deliveries: Sequence[Delivery]) -> list[str]:
    return [delivery.packet.body.decode() for delivery in deliveries]


async def take(intake: Intake, count: int, *, limit: int = 200) -> list[Delivery]:
    """Fetch until `count` have come."""
    taken: list[Delivery] = []
    async with asyncio.timeout(PATIENCE_S):
        while len(taken) < count:
            taken += await intake.fetch(min(limit, count - len(taken)))
    return taken


async def is_silent(intake: Intake) -> bool:
    try:
        async with asyncio.timeout(SILENCE_S):
            await intake.fetch(1)
    except TimeoutError:
        return True
    return False


async def until_stored(world: BusWorld, stream: str, count: int) -> None:
    """Acks are not awaited, so what they remove goes a moment later."""
    async with asyncio.timeout(PATIENCE_S):
        while await world.stored(stream) != count:  # noqa: ASYNC110 # the stream tells nobody when it changes
            await asyncio.sleep(0.01)


@scenario
async def deliveries_carry_what_was_published(world: BusWorld) -> None:
    await world.durable("EVENTS", "scheduler", "evt.*.job.*")
    bus = await world.bus()
    sent = packet("evt.default.job.queued", '{"a": "ü"}', **{"ce-id": "1", "ce-type": "tradewind.job.queued"})
    positions = await bus.publish([sent])
    [delivery] = await take(await bus.intake(stream="EVENTS", durable="scheduler"), 1)
    assert (delivery.packet.subject, dict(delivery.packet.headers), delivery.packet.body) == (
        sent.subject,
        sent.headers,
        sent.body,
    )
    assert [delivery.position] == positions == [Position("EVENTS", 1)]


@scenario
async def they_come_in_the_order_of_the_stream(world: BusWorld) -> None:
    await world.durable("EVENTS", "scheduler", "evt.>")
    bus = await world.bus()
    intake = await bus.intake(stream="EVENTS", durable="scheduler")
    sent = [packet(f"evt.default.job.{('queued', 'running')[number % 2]}", number) for number in range(700)]
    publishing = asyncio.create_task(bus.publish(sent))
    taken: list[Delivery] = []
    while len(taken) < len(sent):
        batch = await take(intake, 1, limit=1) + list(await take(intake, min(37, len(sent) - len(taken) - 1)))
        await intake.ack(batch)
        taken += batch
    positions = await publishing
    assert bodies(taken) == [str(number) for number in range(700)]
    assert [delivery.position for delivery in taken] == positions


@scenario
async def a_batch_holds_what_is_there_and_no_more_than_asked(world: BusWorld) -> None:
    await world.durable("EVENTS", "scheduler", "evt.>")
    bus = await world.bus()
    await bus.publish(numbered("evt.default.job.queued", range(30)))
    intake = await bus.intake(stream="EVENTS", durable="scheduler")
    first = await intake.fetch(10)
    assert 1 <= len(first) <= 10
    assert bodies([*first, *await take(intake, 30 - len(first))]) == [str(number) for number in range(30)]


@scenario
async def a_fetch_waits_for_the_first(world: BusWorld) -> None:
    await world.durable("EVENTS", "scheduler", "evt.>")
    bus = await world.bus()
    intake = await bus.intake(stream="EVENTS", durable="scheduler")
    waiting = asyncio.create_task(intake.fetch(10))
    await asyncio.sleep(SILENCE_S)
    assert not waiting.done()
    await bus.publish([packet("evt.default.job.queued", "late")])
    async with asyncio.timeout(PATIENCE_S):
        assert bodies(await waiting) == ["late"]


@scenario
async def a_cancelled_fetch_loses_nothing(world: BusWorld) -> None:
    await world.durable("EVENTS", "scheduler", "evt.>")
    bus = await world.bus()
    intake = await bus.intake(stream="EVENTS", durable="scheduler")
    taken: list[Delivery] = []
    for start in range(0, 50, 10):
        waiting = asyncio.create_task(intake.fetch(10))
        await asyncio.sleep(0)
        if not waiting.cancel():
            taken += await waiting
        await bus.publish(numbered("evt.default.job.queued", range(start, start + 10)))
    assert bodies(taken + await take(intake, 50 - len(taken))) == [str(number) for number in range(50)]


@scenario
async def a_consumer_keeps_its_place(world: BusWorld) -> None:
    await world.durable("EVENTS", "scheduler", "evt.>")
    bus = await world.bus()
    await bus.publish(numbered("evt.default.job.queued", range(10)))
    intake = await bus.intake(stream="EVENTS", durable="scheduler")
    await intake.ack(await take(intake, 6))
    await intake.close()
    again = await bus.intake(stream="EVENTS", durable="scheduler")
    assert bodies(await take(again, 4)) == ["6", "7", "8", "9"]
    assert await is_silent(again)


@scenario
async def what_a_killed_process_had_in_hand_comes_first(world: BusWorld) -> None:
    await world.durable("EVENTS", "scheduler", "evt.>")
    killed = await world.bus()
    await killed.publish(numbered("evt.default.job.queued", range(20)))
    intake = await killed.intake(stream="EVENTS", durable="scheduler")
    in_hand = await take(intake, 12)
    await intake.ack(in_hand[:5])
    # An ack has no answer: the next question on the same connection shows that it has gone out.
    await killed.last_sequence("EVENTS")
    await world.crash(killed)
    bus = await world.bus()
    await bus.publish(numbered("evt.default.job.queued", range(20, 30)))
    successor = await bus.intake(stream="EVENTS", durable="scheduler")
    assert bodies(await take(successor, 25)) == [str(number) for number in range(5, 30)]
    assert await is_silent(successor)


@scenario
async def a_successor_takes_over_from_one_that_lives(world: BusWorld) -> None:
    await world.durable("EVENTS", "scheduler", "evt.>")
    old, new = await world.bus(), await world.bus()
    await old.publish(numbered("evt.default.job.queued", range(10)))
    zombie = await old.intake(stream="EVENTS", durable="scheduler")
    await take(zombie, 10)
    successor = await new.intake(stream="EVENTS", durable="scheduler")
    assert bodies(await take(successor, 10)) == [str(number) for number in range(10)]


@scenario
async def readers_do_not_disturb_each_other(world: BusWorld) -> None:
    await world.durable("EVENTS", "scheduler", "evt.>")
    await world.durable("EVENTS", "optimizer", "evt.>")
    bus = await world.bus()
    await bus.publish(numbered("evt.default.job.queued", range(5)))
    for service in ("scheduler", "optimizer"):
        intake = await bus.intake(stream="EVENTS", durable=service)
        taken = await take(intake, 5)
        assert bodies(taken) == ["0", "1", "2", "3", "4"]
        await intake.ack(taken)
    assert await world.stored("EVENTS") == 5


@scenario
async def filters_choose_by_token(world: BusWorld) -> None:
    await world.durable("EVENTS", "scheduler", "evt.*.job.*", "evt.*.node.ready")
    bus = await world.bus()
    subjects = [
        "evt.default.job.queued",
        "evt.default.node.booting",
        "evt.other.node.ready",
        "evt.default.claim.opened",
        "evt.default.job.running",
    ]
    await bus.publish([packet(subject) for subject in subjects])
    intake = await bus.intake(stream="EVENTS", durable="scheduler")
    taken = await take(intake, 3)
    assert [(one.packet.subject, one.position.sequence) for one in taken] == [
        ("evt.default.job.queued", 1),
        ("evt.other.node.ready", 3),
        ("evt.default.job.running", 5),
    ]
    assert await is_silent(intake)


@scenario
async def a_command_stays_until_it_is_acked(world: BusWorld) -> None:
    await world.durable("COMMANDS", "scheduler", "cmd.scheduler.>")
    bus = await world.bus()
    await bus.publish(numbered("cmd.scheduler.close_claim", range(3)))
    intake = await bus.intake(stream="COMMANDS", durable="scheduler")
    taken = await take(intake, 3)
    assert await world.stored("COMMANDS") == 3
    await intake.ack(taken[:2])
    await until_stored(world, "COMMANDS", 1)
    await intake.close()
    again = await bus.intake(stream="COMMANDS", durable="scheduler")
    assert bodies(await take(again, 1)) == ["2"]


@scenario
async def a_want_is_the_last_value_of_its_subject(world: BusWorld) -> None:
    bus = await world.bus()
    for number in range(3):
        await bus.publish(
            [packet("want.n1.a", f"a{number}"), packet("want.n1.b", f"b{number}"), packet("want.n2.a")]
        )
    assert await world.stored("WANT") == 3
    await world.durable("WANT", "node-n1", "want.n1.>")
    intake = await bus.intake(stream="WANT", durable="node-n1")
    assert bodies(await take(intake, 2)) == ["a2", "b2"]
    await bus.publish([packet("want.n1.a", "a3")])
    assert bodies(await take(intake, 1)) == ["a3"]


@scenario
async def a_want_that_was_replaced_before_it_was_acked_is_gone(world: BusWorld) -> None:
    await world.durable("WANT", "node-n1", "want.n1.>")
    bus = await world.bus()
    await bus.publish([packet("want.n1.a", "old"), packet("want.n1.b", "other")])
    intake = await bus.intake(stream="WANT", durable="node-n1")
    assert bodies(await take(intake, 2)) == ["old", "other"]
    await bus.publish([packet("want.n1.a", "new")])
    await intake.close()
    again = await bus.intake(stream="WANT", durable="node-n1")
    assert bodies(await take(again, 2)) == ["other", "new"]


@scenario
async def what_is_said_is_kept_for_those_who_listen_until_all_have_read_it(world: BusWorld) -> None:
    await world.durable("SAID", "jobs_controller", "said.*.rank")
    await world.durable("SAID", "provisioner", "said.*.node", "said.hand.provisioner.*")
    bus = await world.bus()
    await bus.publish(
        [packet("said.n1.rank", "r"), packet("said.n1.node", "n"), packet("said.hand.optimizer.refreshed")]
    )
    assert await world.stored("SAID") == 2  # nobody listens to the third
    ranks = await bus.intake(stream="SAID", durable="jobs_controller")
    await ranks.ack(await take(ranks, 1))
    await until_stored(world, "SAID", 1)
    nodes = await bus.intake(stream="SAID", durable="provisioner")
    assert bodies(await take(nodes, 1)) == ["n"]


@scenario
async def publishing_keeps_its_order_and_tells_the_positions(world: BusWorld) -> None:
    await world.durable("EVENTS", "scheduler", "evt.>")
    bus = await world.bus()
    mixed = [
        packet(f"{('evt.default.job.queued', 'want.n1.a')[number % 2]}", number) for number in range(400)
    ]
    positions = await bus.publish(mixed)
    assert positions[::2] == [Position("EVENTS", number + 1) for number in range(200)]
    assert positions[1::2] == [Position("WANT", number + 1) for number in range(200)]
    assert await bus.publish([]) == []
    assert await bus.last_sequence("EVENTS") == 200


@scenario
async def a_message_id_is_stored_once(world: BusWorld) -> None:
    bus = await world.bus()
    one = packet("evt.default.job.queued", "1", **{"Nats-Msg-Id": "one"})
    two = packet("evt.default.job.queued", "2", **{"Nats-Msg-Id": "two"})
    assert await bus.publish([one]) == [Position("EVENTS", 1)]
    assert await bus.publish([one, two]) == [Position("EVENTS", 1), Position("EVENTS", 2)]
    assert await world.stored("EVENTS") == 2


@scenario
async def a_message_is_known_by_where_it_lies(world: BusWorld) -> None:
    await world.durable("COMMANDS", "scheduler", "cmd.scheduler.>")
    bus = await world.bus()
    event = packet("evt.default.job.queued", "1", **{"Nats-Msg-Id": "one"})
    command = packet("cmd.scheduler.close_claim", "2", **{"Nats-Msg-Id": "two"})
    positions = await bus.publish([event, command, packet("evt.default.job.queued", "nameless")])
    assert [await bus.message_id(one) for one in positions] == ["one", "two", None]
    assert await bus.message_id(Position("EVENTS", 3)) is None  # nothing lies there yet
    intake = await bus.intake(stream="COMMANDS", durable="scheduler")
    await intake.ack(await take(intake, 1))
    await until_stored(world, "COMMANDS", 0)
    assert await bus.message_id(positions[1]) is None  # it is done, and gone


@scenario
async def what_no_stream_takes_is_unavailable(world: BusWorld) -> None:
    bus = await world.bus()
    for subject in ("cmd.nobody.anything", "elsewhere"):
        with pytest.raises(Unavailable):
            await bus.publish([packet("evt.default.job.queued"), packet(subject)])


@scenario
async def a_consumer_that_nobody_made_is_unavailable(world: BusWorld) -> None:
    bus = await world.bus()
    with pytest.raises(Unavailable):
        await bus.intake(stream="EVENTS", durable="nobody")


@scenario
async def a_redelivery_is_not_given_while_the_first_is_in_hand(world: BusWorld) -> None:
    await world.durable("EVENTS", "scheduler", "evt.>")
    bus = await world.bus()
    await bus.publish(numbered("evt.default.job.queued", range(5)))
    intake = await bus.intake(stream="EVENTS", durable="scheduler")
    in_hand = await take(intake, 5)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(3.5):  # longer than the wait for an ack
            await intake.fetch(10)
    await intake.ack(in_hand)
    await bus.publish([packet("evt.default.job.queued", "next")])
    [after] = await take(intake, 1)
    assert after.packet.body == b"next"
    await intake.ack([after])
    await intake.close()
    assert await is_silent(await bus.intake(stream="EVENTS", durable="scheduler"))


@scenario
async def a_consumer_that_was_deleted_is_made_again_and_nothing_is_lost(world: BusWorld) -> None:
    filters = ("evt.>",)
    await world.durable("EVENTS", "scheduler", *filters)
    bus = await world.bus()
    intake = await bus.intake(stream="EVENTS", durable="scheduler", filters=filters)
    await bus.publish(numbered("evt.default.job.queued", range(3)))
    await intake.ack(await take(intake, 2))
    await world.delete("EVENTS", "scheduler")
    with pytest.raises(Unavailable):
        await _read_on(intake)
    await intake.close()
    again = await bus.intake(stream="EVENTS", durable="scheduler", filters=filters)
    await bus.publish([packet("evt.default.job.queued", "3")])
    assert bodies(await take(again, 4)) == ["0", "1", "2", "3"]


@scenario
async def a_work_queue_keeps_what_is_not_done_while_its_consumer_is_gone(world: BusWorld) -> None:
    filters = ("cmd.scheduler.>",)
    await world.durable("COMMANDS", "scheduler", *filters)
    bus = await world.bus()
    intake = await bus.intake(stream="COMMANDS", durable="scheduler", filters=filters)
    await bus.publish(numbered("cmd.scheduler.anything", range(4)))
    await intake.ack(await take(intake, 2))
    await until_stored(world, "COMMANDS", 2)
    await world.delete("COMMANDS", "scheduler")
    await intake.close()
    await bus.publish([packet("cmd.scheduler.anything", "4")])
    again = await bus.intake(stream="COMMANDS", durable="scheduler", filters=filters)
    assert bodies(await take(again, 3)) == ["2", "3", "4"]


async def _read_on(intake: Intake) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            await intake.fetch(10)
