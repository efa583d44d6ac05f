"""What may not have arrived: messages whose publication was not noted, and those that their stream has lost.

JetStream syncs to its disk every two minutes. A server that died may come back without what it had acked just
before, and its stream grows again beyond that end by everybody's messages. So the last sequence of a stream
tells nothing; what lies where a message was noted does.
"""

from collections.abc import Sequence
from datetime import timedelta

from tradewind.common.bus.dead_letters import MESSAGE_ID
from tradewind.common.contracts.registry import Want
from tradewind.common.reactor.ports import Bus, Position, Sent, Store, Unsent

Outgoing = Sent | Unsent

UNSYNCED = timedelta(minutes=5)
"""What was sent so long before the newest was on the server's disk when that one came: twice its interval,
and what it takes to note a publication.
"""

WANTS = Want.subjects().removesuffix(">")


async def to_say_again(store: Store, bus: Bus) -> list[Outgoing]:
    """In the order in which it is to be published. Raises Unavailable."""
    lost = [
        row
        for stream, sequence in (await store.last_sent()).items()
        for row in await _lost(store, bus, Position(stream, sequence))
    ]
    unsent = await store.unsent()
    return [*_without_old_wants(lost, [*lost, *unsent]), *unsent]


async def _lost(store: Store, bus: Bus, newest: Position) -> Sequence[Sent]:
    """Our messages after one that lies where it was noted: a stream loses its end, and nothing else.

    A command that was done and a want that has run out are as gone as one that was lost. What is said again
    without need is a duplicate, and mostly one that the server knows.
    """
    last = await store.sent_since(newest)
    if last and await _is_there(bus, last[-1]):
        return ()
    lately = await store.sent_lately(newest.stream, within=UNSYNCED)
    first, end = 0, len(lately)
    while first < end:
        middle = (first + end) // 2
        if await _is_there(bus, lately[middle]):
            first = middle + 1
        else:
            end = middle
    return lately[first:]


async def _is_there(bus: Bus, row: Sent) -> bool:
    """Whether it lies where it was noted."""
    meant = row.packet.headers.get(MESSAGE_ID)
    return meant is not None and await bus.message_id(row.position) == meant


def _without_old_wants(rows: Sequence[Sent], all_of_them: Sequence[Outgoing]) -> list[Sent]:
    """Without wants for which a newer one follows: that may be there, and would not be stored again after the
    older one has replaced it.
    """
    newest = {row.packet.subject: row.id for row in all_of_them}
    return [
        row
        for row in rows
        if not row.packet.subject.startswith(WANTS) or newest[row.packet.subject] == row.id
    ]
