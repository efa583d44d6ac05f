"""How far services have read: of each durable consumer, what the server says of it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from nats.js.api import ConsumerInfo

from tradewind.common.bus.connection import Connection
from tradewind.common.bus.failures import unavailable
from tradewind.common.contracts.base import Value

HEARD = ("EVENTS", "COMMANDS", "SAID")
STUCK = timedelta(seconds=30)


class Progress(Value):
    """One service's place in one stream."""

    service: str
    stream: str
    pending: int
    """Messages that it has not been given."""
    unacked: int
    """Messages that it was given and has not finished."""
    last_active: datetime | None
    """When it last finished one."""
    ok: bool
    """It has nothing to do, or did some of it lately."""


async def progress(connection: Connection) -> Sequence[Progress]:
    """By service and stream. Raises Unavailable."""
    now = datetime.now(UTC)
    with unavailable("the progress of services"):
        found = [
            _of(info, now)
            for stream in HEARD
            for info in await connection.js.consumers_info(stream)
            if info.config.durable_name
        ]
    return sorted(found, key=lambda one: (one.service, one.stream))


def _of(info: ConsumerInfo, now: datetime) -> Progress:
    pending, unacked = info.num_pending or 0, info.num_ack_pending or 0
    last_active = info.ack_floor.last_active if info.ack_floor else None
    idle = pending == 0 and unacked == 0
    return Progress(
        service=info.name,
        stream=info.stream_name,
        pending=pending,
        unacked=unacked,
        last_active=last_active,
        ok=idle or (last_active is not None and now - last_active < STUCK),
    )
