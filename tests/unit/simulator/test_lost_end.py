"""A stream loses its end and grows again beyond it: what a leader had published there is published again."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.integration.contract.bus_contract import packet
from tests.integration.contract.store_contract import SERVICE, TTL_S, commit, leading
from tradewind.common.bus.streams import Durable, streams
from tradewind.common.contracts.envelope import Packet
from tradewind.common.reactor.ports import Batch
from tradewind.common.reactor.relay import to_say_again
from tradewind.simulator.memory_bus import MemoryBus, MemoryServer
from tradewind.simulator.memory_store import MemoryStore
from tradewind.simulator.virtual_time import VirtualClock, VirtualLoop, run


class World:
    def __init__(self, loop: VirtualLoop) -> None:
        self.server = MemoryServer(streams(owners=["scheduler"], max_message=2**20), loop_time=loop.time)
        self.server.declare(Durable("COMMANDS", "scheduler", ("cmd.scheduler.>",)))
        self.bus = MemoryBus(self.server)
        self.store = MemoryStore(service=SERVICE, kinds=(), clock=VirtualClock(loop))

    async def say(self, *names: str) -> None:
        """As a leader does: commit, publish, note."""
        lease = await leading(self.store)
        ids = await commit(self.store, lease, Batch(outbox=[told(name) for name in names]))
        positions = await self.bus.publish([told(name) for name in names])
        await self.store.commit(lease, Batch(sent=list(zip(ids, positions, strict=True))), ttl_s=TTL_S)

    async def others_say(self, *names: str) -> None:
        await self.bus.publish([told(name) for name in names])

    async def read(self, stream: str, durable: str) -> None:
        intake = await self.bus.intake(stream=stream, durable=durable)
        await intake.ack(await intake.fetch(100))

    async def again(self) -> list[str]:
        rows = await to_say_again(self.store, self.bus)
        return [row.packet.headers["Nats-Msg-Id"] for row in rows]


def told(name: str) -> Packet:
    """`kind/…`: an event, a command, or a want of the subject that follows."""
    kind, _, rest = name.partition("/")
    subject = {"event": "evt.home.job.queued", "command": "cmd.scheduler.close_claim"}.get(
        kind, f"want.node.{rest.partition('/')[0]}"
    )
    return packet(subject, name, **{"Nats-Msg-Id": name})


async def nothing_is_lost(world: World) -> None:
    await world.say("event/1", "want/a/1")
    await world.others_say("event/x")
    assert await world.again() == []


async def the_end_is_gone(world: World) -> None:
    await world.say("event/1", "event/2", "event/3")
    world.server.stream("EVENTS").lose_end(2)
    assert await world.again() == ["event/2", "event/3"]


async def the_end_is_gone_and_others_spoke_since(world: World) -> None:
    await world.say(*(f"event/{number}" for number in range(9)))
    world.server.stream("EVENTS").lose_end(3)
    await world.others_say(*(f"event/of others/{number}" for number in range(7)))
    assert await world.again() == ["event/6", "event/7", "event/8"]


async def what_is_not_noted_comes_after_what_is_lost(world: World) -> None:
    await world.say("event/1", "event/2")
    await commit(world.store, await leading(world.store), Batch(outbox=[told("event/3")]))
    world.server.stream("EVENTS").lose_end(1)
    await world.others_say("event/x")
    assert await world.again() == ["event/2", "event/3"]


async def a_done_command_may_be_a_lost_one(world: World) -> None:
    await world.say("command/1")
    await asyncio.sleep(600)
    await world.say("command/2", "command/3")
    await world.read("COMMANDS", "scheduler")
    assert await world.again() == ["command/2", "command/3"]  # the first was on the disk long before


async def of_wants_the_newest_is_said(world: World) -> None:
    await world.say("event/1", "want/a/1", "want/b/1", "want/a/2")
    world.server.stream("WANT").lose_end(3)
    await commit(world.store, await leading(world.store), Batch(outbox=[told("want/b/2")]))
    assert await world.again() == ["want/a/2", "want/b/2"]


@pytest.mark.parametrize(
    "scene",
    [
        nothing_is_lost,
        the_end_is_gone,
        the_end_is_gone_and_others_spoke_since,
        what_is_not_noted_comes_after_what_is_lost,
        a_done_command_may_be_a_lost_one,
        of_wants_the_newest_is_said,
    ],
    ids=lambda scene: scene.__name__,
)
def test_lost_end(scene: Callable[[World], Awaitable[None]]) -> None:
    async def main(loop: VirtualLoop) -> None:
        await scene(World(loop))

    run(main)
