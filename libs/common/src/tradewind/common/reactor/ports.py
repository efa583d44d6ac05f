"""What the leader needs of a store and of a bus. Two implementations of each: real ones, and the
simulator's.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from tradewind.common.contracts.envelope import Packet
from tradewind.common.reactor.aggregate import Aggregate, Ref
from tradewind.common.reactor.decision import Intent


class Unavailable(Exception):
    """The store or the bus cannot answer now. Nothing is known of what was asked; ask again."""


class LeaseHeld(Exception):
    """Another leader holds the shard."""


class LeaseLost(Exception):
    """The epoch is no longer ours: whatever was to be committed was not."""


class StoreConflict(Exception):
    """A row is not at the version that it was loaded at: our memory of it is wrong. Nothing was committed."""


class StoreRefused(Exception):
    """The store's own rules forbid this batch (a CHECK, a unique index, a value that it cannot hold).
    Nothing was committed.
    """


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to lead one shard of one service. Asserted inside every transaction."""

    service: str
    shard: int
    epoch: int
    holder: str


class Position(NamedTuple):
    """Where a published packet lies."""

    stream: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Unsent:
    """An outbox row whose publication was not noted."""

    id: int
    packet: Packet


@dataclass(frozen=True, slots=True)
class Sent:
    """An outbox row, and where it was noted that it lies."""

    id: int
    packet: Packet
    position: Position


@dataclass(frozen=True, slots=True)
class OpenIntent:
    """An intent that no report has closed. `attempts` counts how often a hand began it."""

    intent: Intent
    attempts: int = 0


@dataclass(slots=True)
class Batch:
    """One transaction's worth."""

    created: list[Aggregate] = field(default_factory=list[Aggregate])
    updated: list[tuple[Aggregate, int]] = field(default_factory=list[tuple[Aggregate, int]])
    """The row, and the version at which it was loaded."""
    outbox: list[Packet] = field(default_factory=list[Packet])
    intents: list[Intent] = field(default_factory=list[Intent])
    closed_intents: list[str] = field(default_factory=list[str])
    sent: list[tuple[int, Position]] = field(default_factory=list[tuple[int, Position]])
    """Outbox rows whose publication is to be noted."""

    def __bool__(self) -> bool:
        return bool(
            self.created or self.updated or self.outbox or self.intents or self.closed_intents or self.sent
        )


class Store(Protocol):
    """A service's own rows, outbox, intents and lease. Every method may raise `Unavailable`."""

    async def acquire(self, *, holder: str, ttl_s: float) -> Lease:
        """Take the shard with the next epoch. Raises LeaseHeld while another holder's lease runs."""
        ...

    async def renew(self, lease: Lease, *, ttl_s: float) -> None:
        """Raises LeaseLost."""
        ...

    async def release(self, lease: Lease) -> None:
        """Let the next leader in at once."""
        ...

    async def living(self) -> list[Aggregate]:
        """Every row that is not terminal."""
        ...

    async def load(self, refs: Iterable[Ref]) -> list[Aggregate]:
        """Those of `refs` that exist, terminal ones too."""
        ...

    async def commit(self, lease: Lease, batch: Batch, *, ttl_s: float) -> list[int]:
        """All of `batch` or nothing; renews the lease. Returns the outbox ids, in order.

        Raises LeaseLost, StoreConflict, StoreRefused.
        """
        ...

    async def unsent(self) -> list[Unsent]:
        """Outbox rows whose publication was not noted, in order."""
        ...

    async def sent_since(self, position: Position) -> list[Sent]:
        """Outbox rows that were published at or after `position` of its stream, in the stream's order."""
        ...

    async def sent_lately(self, stream: str, *, within: timedelta) -> list[Sent]:
        """Outbox rows that were noted no longer than `within` before the newest of the stream, in its
        order.
        """
        ...

    async def last_sent(self) -> Mapping[str, int]:
        """By stream, the highest sequence noted."""
        ...

    async def prune(self, *, sent_before: datetime) -> None:
        """Forget noted outbox rows that are older."""
        ...

    async def open_intents(self) -> list[OpenIntent]: ...

    async def begin_intent(self, intent_id: str) -> int:
        """Note that a hand begins it, before it does; returns how often it was begun, this time included.
        0: it is closed.
        """
        ...


class Delivery(NamedTuple):
    """A packet as it was delivered."""

    packet: Packet
    position: Position
    token: str = ""
    """What the bus needs in order to ack it."""


class Intake(Protocol):
    """One durable consumer: packets in stream order."""

    async def fetch(self, limit: int) -> Sequence[Delivery]:
        """Waits until there is at least one. Raises Unavailable."""
        ...

    async def ack(self, deliveries: Sequence[Delivery]) -> None: ...

    async def close(self) -> None: ...


class Bus(Protocol):
    async def intake(self, *, stream: str, durable: str, filters: tuple[str, ...] = ()) -> Intake:
        """Bind to a consumer that the topology made. With `filters`, it is made again where it is gone: then
        it gives everything that is still in its stream. Raises Unavailable.
        """
        ...

    async def publish(self, packets: Sequence[Packet]) -> list[Position]:
        """In this order. Raises Unavailable: some may be in, ask again with the same packets."""
        ...

    async def last_sequence(self, stream: str) -> int: ...

    async def message_id(self, position: Position) -> str | None:
        """The `Nats-Msg-Id` of the message that lies there; None where none lies, or it has none."""
        ...

    def losses(self) -> int:
        """How often the server was lost so far. What it had acked just before may be gone with it."""
        ...


class Clock(Protocol):
    def now(self) -> datetime: ...
