"""Events as they happen, or as they happened, from the stream itself."""

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from tradewind.common.bus.connection import Connection
from tradewind.common.contracts.envelope import Packet
from tradewind.common.reactor.ports import Bus, Unavailable
from tradewind.gateway.domain.cloud_events import CloudEvent, from_packet
from tradewind.gateway.sse import Feed, ServerEvent
from tradewind.gateway.stream_reader import Start, Stored, reading

STREAM = "EVENTS"
QUIET_S = 15.0
AGAIN_S = 0.5
TYPE = re.compile(r"(tradewind\.)?(?P<noun>[a-z_]{1,64})(\.(?P<name>[a-z_]{1,64}|\*))?")


class BadType(ValueError):
    """The filter is no type of event."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Which events. `job`: those about it, or that happened for it."""

    workspace: str
    start: Start
    follow: bool
    type: str | None = None
    job: str | None = None

    def subject(self) -> str:
        """The filter of the stream. Raises BadType."""
        if self.type is None:
            return f"evt.{self.workspace}.>"
        said = TYPE.fullmatch(self.type)
        if said is None:
            raise BadType("type: not a type of event; write it as job.succeeded or job.*")
        return f"evt.{self.workspace}.{said['noun']}.{said['name'] or '*'}"

    def takes(self, event: CloudEvent) -> bool:
        return self.job is None or self.job in {event.subject, event.correlation}


def event_feed(connection: Connection, bus: Bus, wish: Wish) -> Feed:
    """To the end of what is there, or with `follow` for ever. Raises BadType at once."""
    return _feed(connection, bus, wish, subject=wish.subject())


async def _feed(connection: Connection, bus: Bus, wish: Wish, *, subject: str) -> Feed:
    last = await bus.last_sequence(STREAM)
    clock = asyncio.get_running_loop().time
    async with reading(connection, stream=STREAM, subjects=[subject], start=wish.start) as reader:
        said = clock()
        while True:
            try:
                stored = await reader.read(wait_s=QUIET_S if wish.follow else 0)
            except Unavailable:
                if not wish.follow:
                    raise
                stored = ()
                await asyncio.sleep(AGAIN_S)
            for event in _events(stored, wish):
                yield event
                said = clock()
            if clock() - said >= QUIET_S:
                yield None
                said = clock()
            if not wish.follow and (not stored or stored[-1].sequence >= last):
                return


def _events(stored: Sequence[Stored], wish: Wish) -> list[ServerEvent]:
    found: list[ServerEvent] = []
    for one in stored:
        try:
            event = from_packet(Packet(one.subject, one.headers, one.body), data=json.loads(one.body))
        except (KeyError, ValueError):
            continue  # the read model sets it aside
        if wish.takes(event):
            name = event.type.removeprefix("tradewind.")
            found.append(ServerEvent(name, event.model_dump_json(), one.sequence))
    return found
