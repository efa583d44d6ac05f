"""Keeps EVENTS from filling up, and never removes what a service has not read.

A stream's own `max_age` would remove unread events, and with none a full stream pushes back for ever although
everybody has read it. So the keeper removes from the front what is old, or in the way, and read by every
durable consumer; what remains too much then pushes back, as it must.
"""

import asyncio
import logging
from datetime import UTC, datetime, timedelta

import nats.js.errors
from nats.js import JetStreamContext
from nats.js.api import ConsumerInfo, StreamState

from tradewind.common.bus.connection import Connection, connect
from tradewind.common.bus.failures import unavailable
from tradewind.common.reactor.ports import Unavailable

log = logging.getLogger(__name__)

STREAM = "EVENTS"
KEPT_FOR = timedelta(days=7)
FULL = 0.75
"""From this share of `max_bytes` on, read events go before their time, down to `ROOMY`."""
ROOMY = 0.5
EVERY_S = 15.0
PAGE = 256


class EventsKeeper:
    """An app. One is enough; several do no harm. Its user must be allowed to purge: services are not."""

    def __init__(self, nats_url: str, *, kept_for: timedelta = KEPT_FOR) -> None:
        self._nats_url = nats_url
        self._kept_for = kept_for
        self._done = False

    @property
    def name(self) -> str:
        return "events_keeper"

    def ready(self) -> bool:
        return self._done

    async def run(self) -> None:
        connection = await connect(self._nats_url, name=f"tradewind.{self.name}")
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(connection.lost())
                group.create_task(self._keep(connection))
        finally:
            await connection.close()

    async def _keep(self, connection: Connection) -> None:
        while True:
            try:
                removed = await trim(connection, older_than=datetime.now(UTC) - self._kept_for)
                self._done = True
                if removed:
                    log.info("removed %d events that every service has read", removed)
            except Unavailable as why:
                log.warning("%s", why)
            await asyncio.sleep(EVERY_S)


async def trim(connection: Connection, *, older_than: datetime) -> int:
    """Remove read events from before `older_than`; more if the stream is nearly full. Returns how many.

    Raises:
        Unavailable: nothing or all of it was removed.
    """
    js = connection.js
    connection.require_up()
    with unavailable(f"the retention of {STREAM}"):
        info = await js.stream_info(STREAM)
        state, room = info.state, info.config.max_bytes or 0
        # Asked after the stream's state: what came since then counts as unread.
        readers = {one.name: _read_up_to(one, state.last_seq) for one in await _durables(js)}
        slowest = min(readers, key=lambda name: readers[name], default="")
        read = readers.get(slowest, state.first_seq - 1)
        roomy = _roomy_from(state, room)
        if roomy > read + 1:
            log.warning("%s is nearly full, and %s has read only up to %d", STREAM, slowest or "nobody", read)
        keep_from = min(read + 1, max(roomy, await _first_since(js, state, older_than)))
        if keep_from <= state.first_seq:
            return 0
        await js.purge_stream(STREAM, seq=keep_from)
        return keep_from - state.first_seq


def _read_up_to(consumer: ConsumerInfo, last: int) -> int:
    """The sequence up to which a consumer has acked all that its filters let through."""
    if not consumer.num_pending and not consumer.num_ack_pending:
        return last
    return consumer.ack_floor.stream_seq if consumer.ack_floor else 0


def _roomy_from(state: StreamState, room: int) -> int:
    """The first sequence to keep so that the stream has room again, events taken to be of one size."""
    if room <= 0 or state.bytes <= room * FULL:
        return state.first_seq
    excess = (state.bytes - room * ROOMY) / state.bytes
    return state.first_seq + int(state.messages * excess)


async def _first_since(js: JetStreamContext, state: StreamState, moment: datetime) -> int:
    """The first sequence stored at or after `moment`, found by halving: the stream is in order of time."""
    low, high = state.first_seq, state.last_seq + 1
    if low == high or await _stored_at(js, low) >= moment:
        return low
    while high - low > 1:
        middle = (low + high) // 2
        if await _stored_at(js, middle) < moment:
            low = middle
        else:
            high = middle
    return high


async def _stored_at(js: JetStreamContext, sequence: int) -> datetime:
    """Of one that is gone already: long ago."""
    try:
        stored = await js.get_msg(STREAM, sequence, direct=True)
    except nats.js.errors.NotFoundError:
        return datetime.min.replace(tzinfo=UTC)
    return stored.time or datetime.min.replace(tzinfo=UTC)


async def _durables(js: JetStreamContext) -> list[ConsumerInfo]:
    found: list[ConsumerInfo] = []
    while page := await js.consumers_info(STREAM, offset=len(found)):
        found += page
        if len(page) < PAGE:
            break
    return [consumer for consumer in found if consumer.config.durable_name]
