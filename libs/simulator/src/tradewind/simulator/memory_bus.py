"""JetStream in memory: the streams and durable consumers of design.md §4, as `ports.Bus` promises them.

The streams are those of `tradewind.common.bus.streams`, read as data. Every call happens at one moment;
delays, losses and duplicates are the line's affair (`line`).
"""

import asyncio
import itertools
import re
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache

from nats.js.api import RetentionPolicy, StreamConfig

from tradewind.common.bus.dead_letters import MESSAGE_ID
from tradewind.common.bus.streams import ACK_WAIT_S, MAX_ACK_PENDING, Durable
from tradewind.common.contracts.envelope import Packet
from tradewind.common.reactor.ports import Delivery, Position, Unavailable

SYNCED_EVERY_S = 120.0
"""JetStream's default: what is older is on its disk."""

Stored = Callable[[Packet, Position], None]
"""Is told of every message that was stored."""


def matches(pattern: str, subject: str) -> bool:
    """Whether a subject lies under a filter: `*` stands for one token, a last `>` for one or more."""
    return _expression(pattern).fullmatch(subject) is not None


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    """Compiled, since every node has a filter, and there are as many subjects."""
    tokens = (
        "[^.]+" if token == "*" else ".+" if token == ">" else re.escape(token)
        for token in pattern.split(".")
    )
    return re.compile(r"\.".join(tokens))


@dataclass(slots=True)
class _Pending:
    """Delivered and not acked."""

    by: "MemoryIntake"
    until: float


@dataclass(slots=True)
class _Message:
    packet: Packet
    ordinal: int
    """Its identity: a stream that lost its end gives the same sequences again."""
    unread_by: int
    """How many consumers have yet to ack it."""
    expires: float

    @property
    def id(self) -> str:
        return self.packet.headers.get(MESSAGE_ID, "")


@dataclass(slots=True, eq=False)
class _Consumer:
    """A durable's place in its stream."""

    durable: Durable
    waiting: deque[int] = field(default_factory=deque[int])
    pending: dict[int, _Pending] = field(default_factory=dict[int, _Pending])
    sleepers: list[asyncio.Future[None]] = field(default_factory=list[asyncio.Future[None]])
    deleted: bool = False

    _heard: re.Pattern[str] = field(init=False)
    _head: str = field(init=False)
    """What all that it hears begins with: for the consumers of nodes, and there are many, that settles it."""

    def __post_init__(self) -> None:
        filters = self.durable.filters
        self._heard = re.compile("|".join(_expression(one).pattern for one in filters))
        self._head = re.split(r"[*>]", filters[0])[0] if len(filters) == 1 else ""

    def hears(self, subject: str) -> bool:
        return subject.startswith(self._head) and self._heard.fullmatch(subject) is not None

    def give_again(self, sequences: Iterable[int]) -> None:
        """What was delivered goes back into the line, in stream order."""
        self.waiting = deque(sorted({*self.waiting, *sequences}))

    def wake(self) -> None:
        sleepers, self.sleepers = self.sleepers, []
        for sleeper in sleepers:
            if not sleeper.done():
                sleeper.set_result(None)


class _Stream:
    def __init__(self, config: StreamConfig, loop_time: Callable[[], float]) -> None:
        self.config = config
        self.messages: dict[int, _Message] = {}
        self.last = 0
        self.consumers: dict[str, _Consumer] = {}
        self._time = loop_time
        self._ordinal = itertools.count()
        self._last_of: dict[str, int] = {}
        self._done: set[str] = set()
        """The ids of messages that all have acked who hear them."""
        self._latest: deque[float] = deque(maxlen=100)
        """When the last of them were stored."""
        self._ids: dict[str, tuple[int, float]] = {}
        self._hearers: dict[str, tuple[_Consumer, ...]] = {}

    def declare(self, durable: Durable) -> None:
        if durable.name in self.consumers:
            return
        consumer = _Consumer(durable)
        self.consumers[durable.name] = consumer
        self._forget_hearers(consumer)
        for sequence, message in self.messages.items():
            if consumer.hears(message.packet.subject):
                message.unread_by += 1
                consumer.waiting.append(sequence)

    def remove(self, name: str) -> None:
        consumer = self.consumers.pop(name, None)
        if consumer is None:
            return
        self._forget_hearers(consumer)
        consumer.deleted = True
        consumer.wake()
        for sequence in [*consumer.waiting, *consumer.pending]:
            self._left_unread(sequence)

    def store(self, packet: Packet, *, dedup: bool = True) -> tuple[int, bool]:
        """Where it lies, and whether it is new there."""
        now = self._time()
        message_id = packet.headers.get("Nats-Msg-Id") if dedup else None
        if message_id is not None:
            known = self._ids.get(message_id)
            if known is not None and now - known[1] < (self.config.duplicate_window or 0.0):
                return known[0], False
        self.last += 1
        self._latest.append(now)
        if message_id is not None:
            self._ids[message_id] = (self.last, now)
        hearers = self._hearers_of(packet.subject)
        if self.config.max_msgs_per_subject == 1:
            self._drop(self._last_of.get(packet.subject, 0))
            self._last_of[packet.subject] = self.last
        if hearers or self.config.retention is not RetentionPolicy.INTEREST:
            ttl = packet.headers.get("Nats-TTL")
            expires = now + float(ttl.removesuffix("s")) if ttl is not None else float("inf")
            self.messages[self.last] = _Message(packet, next(self._ordinal), len(hearers), expires)
            for consumer in hearers:
                consumer.waiting.append(self.last)
                consumer.wake()
        return self.last, True

    def lose_end(self, count: int) -> list[Packet]:
        """The last messages are gone, `count` at most: the server died before they were on its disk.

        Returns:
            Those that somebody had not read yet, nor a copy of it, and of which no copy is left.
        """
        now = self._time()
        kept = self.last - min(count, sum(now - at < SYNCED_EVERY_S for at in self._latest))
        for _ in range(self.last - kept):
            self._latest.pop()
        lost = [one for one in self.messages if one > kept]
        left = {message.id for sequence, message in self.messages.items() if sequence <= kept}
        unread = [
            self.messages[one].packet
            for one in lost
            if self._is_unread(self.messages[one]) and self.messages[one].id not in left
        ]
        for sequence in lost:
            self._drop(sequence)
        self._ids = {one: lies for one, lies in self._ids.items() if lies[0] <= kept}
        self._last_of = {subject: one for subject, one in self._last_of.items() if one <= kept}
        for consumer in self.consumers.values():
            consumer.waiting = deque(one for one in consumer.waiting if one <= kept)
        self.last = kept
        return unread

    def _is_unread(self, message: _Message) -> bool:
        return message.unread_by > 0 and message.id not in self._done

    def ack(self, consumer: _Consumer, sequence: int, ordinal: int) -> None:
        """An ack of what was taken over meanwhile counts too: who acks has done it."""
        message = self.messages.get(sequence)
        if message is not None and message.ordinal != ordinal:
            return
        if consumer.pending.pop(sequence, None) is None:
            if sequence not in consumer.waiting:
                return
            consumer.waiting.remove(sequence)
        if message is not None and message.unread_by == 1:
            self._done.add(message.id)
        self._read(sequence)
        if consumer.sleepers:
            consumer.wake()

    def get(self, sequence: int) -> _Message | None:
        message = self.messages.get(sequence)
        if message is not None and message.expires <= self._time():
            self._drop(sequence)
            return None
        return message

    def last_of(self, subject: str) -> Packet | None:
        message = self.get(self._last_of.get(subject, 0))
        return message.packet if message is not None else None

    def _left_unread(self, sequence: int) -> None:
        """A consumer is gone that had yet to read it. A work queue keeps it for the next one."""
        if self.config.retention is not RetentionPolicy.WORK_QUEUE:
            self._read(sequence)

    def _read(self, sequence: int) -> None:
        message = self.messages.get(sequence)
        if message is None:
            return
        message.unread_by -= 1
        retention = self.config.retention
        if retention is RetentionPolicy.WORK_QUEUE or (
            retention is RetentionPolicy.INTEREST and message.unread_by <= 0
        ):
            self._drop(sequence)

    def _drop(self, sequence: int) -> None:
        message = self.messages.pop(sequence, None)
        for consumer in self._hearers_of(message.packet.subject) if message is not None else ():
            consumer.pending.pop(sequence, None)

    def _forget_hearers(self, consumer: _Consumer) -> None:
        """Of the subjects that it hears, and no others: each node's consumer comes and goes."""
        for subject in [one for one in self._hearers if consumer.hears(one)]:
            del self._hearers[subject]

    def _hearers_of(self, subject: str) -> tuple[_Consumer, ...]:
        known = self._hearers.get(subject)
        if known is None:
            known = tuple(one for one in self.consumers.values() if one.hears(subject))
            self._hearers[subject] = known
        return known


class MemoryServer:
    """The streams. `heard` is told of every message that is stored."""

    def __init__(
        self,
        configs: Iterable[StreamConfig],
        *,
        loop_time: Callable[[], float],
        heard: Stored | None = None,
        as_bytes: bool = True,
    ) -> None:
        """Without `as_bytes` a message stays what it is on its way: that is faster, and says nothing of its
        encoding.
        """
        self._streams = {str(config.name): _Stream(config, loop_time) for config in configs}
        self._heard = heard
        self._as_bytes = as_bytes
        self._stream_of: dict[str, str | None] = {}

    def declare(self, durable: Durable) -> None:
        """Make a consumer, as the topology does."""
        self._streams[durable.stream].declare(durable)

    def remove(self, durable: Durable) -> None:
        self._streams[durable.stream].remove(durable.name)

    def store(self, packet: Packet, *, dedup: bool = True) -> Position:
        """Raises Unavailable: no stream takes it."""
        stream = self._name_of(packet.subject)
        if stream is None:
            raise Unavailable(f"no stream takes {packet.subject}")
        if self._as_bytes:
            packet = Packet(packet.subject, packet.headers, packet.body)
        sequence, new = self._streams[stream].store(packet, dedup=dedup)
        position = Position(stream, sequence)
        if new and self._heard is not None:
            self._heard(packet, position)
        return position

    def stream(self, name: str) -> _Stream:
        return self._streams[name]

    def last_of(self, stream: str, subject: str) -> Packet | None:
        """The last value of a subject, in a stream that keeps no more."""
        return self._streams[stream].last_of(subject)

    def stored(self, stream: str) -> int:
        """How many messages a stream holds."""
        return len(self._streams[stream].messages)

    def _name_of(self, subject: str) -> str | None:
        if subject not in self._stream_of:
            self._stream_of[subject] = next(
                (
                    name
                    for name, stream in self._streams.items()
                    if any(matches(one, subject) for one in stream.config.subjects or ())
                ),
                None,
            )
        return self._stream_of[subject]


class MemoryIntake:
    """One binding to a durable consumer."""

    def __init__(self, stream: _Stream, consumer: _Consumer, name: str) -> None:
        self._stream = stream
        self._consumer = consumer
        self._name = name
        self._in_hand: set[tuple[int, int]] = set()
        self._open = True
        consumer.give_again(consumer.pending)
        consumer.pending.clear()
        # Whoever was bound before is left to find out.
        consumer.wake()

    async def fetch(self, limit: int) -> Sequence[Delivery]:
        loop = asyncio.get_running_loop()
        while True:
            if self._consumer.deleted:
                raise Unavailable(f"{self._name}: consumer not found")
            soonest = self._take_over(loop.time())
            taken = self._take(limit, loop.time())
            if taken:
                return taken
            sleeper = loop.create_future()
            self._consumer.sleepers.append(sleeper)
            alarm = loop.call_at(soonest, self._consumer.wake) if soonest is not None else None
            try:
                await sleeper
            finally:
                if alarm is not None:
                    alarm.cancel()

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            sequence, ordinal = delivery.position.sequence, int(delivery.token)
            self._in_hand.discard((sequence, ordinal))
            if not self._consumer.deleted:
                self._stream.ack(self._consumer, sequence, ordinal)

    async def close(self) -> None:
        self._open = False

    def _take(self, limit: int, now: float) -> list[Delivery]:
        waiting, pending = self._consumer.waiting, self._consumer.pending
        taken: list[Delivery] = []
        while waiting and len(taken) < limit and len(pending) < MAX_ACK_PENDING:
            sequence = waiting.popleft()
            message = self._stream.get(sequence)
            if message is None:
                continue
            pending[sequence] = _Pending(self, now + ACK_WAIT_S)
            if (sequence, message.ordinal) not in self._in_hand:
                self._in_hand.add((sequence, message.ordinal))
                position = Position(self._name, sequence)
                taken.append(Delivery(message.packet, position, token=str(message.ordinal)))
        return taken

    def _take_over(self, now: float) -> float | None:
        """What others were given and have not acked in time is ours. Returns when more of it will be."""
        soonest: float | None = None
        late: list[int] = []
        for sequence, one in self._consumer.pending.items():
            if one.by is self:
                continue
            if one.until <= now:
                late.append(sequence)
            elif soonest is None or one.until < soonest:
                soonest = one.until
        for sequence in late:
            del self._consumer.pending[sequence]
        if late:
            self._consumer.give_again(late)
        return soonest


class MemoryBus:
    """`ports.Bus` over a server."""

    def __init__(self, server: MemoryServer) -> None:
        self.server = server

    async def intake(self, *, stream: str, durable: str, filters: tuple[str, ...] = ()) -> MemoryIntake:
        if filters:
            self.server.declare(Durable(stream, durable, filters))
        consumer = self.server.stream(stream).consumers.get(durable)
        if consumer is None:
            raise Unavailable(f"{durable}'s intake of {stream}: consumer not found")
        return MemoryIntake(self.server.stream(stream), consumer, stream)

    async def publish(self, packets: Sequence[Packet]) -> list[Position]:
        return [self.server.store(packet) for packet in packets]

    async def last_sequence(self, stream: str) -> int:
        return self.server.stream(stream).last

    async def message_id(self, position: Position) -> str | None:
        message = self.server.stream(position.stream).get(position.sequence)
        return message.packet.headers.get(MESSAGE_ID) if message is not None else None

    def losses(self) -> int:
        return 0
