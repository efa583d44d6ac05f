"""`reactor.ports.Store` in memory: what Postgres would hold of one service, with the same refusals.

Rows are kept as JSON and read back from it, so that a state which does not survive being stored shows here
too; a world that shall be fast keeps them as they are. Every method happens wholly or not at all, and at one
moment: what lies between two of them is the line's affair (`line`).
"""

import itertools
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from tradewind.common.contracts.base import Value
from tradewind.common.contracts.envelope import Packet
from tradewind.common.reactor.aggregate import Aggregate, Ref
from tradewind.common.reactor.decision import Intent
from tradewind.common.reactor.ports import (
    Batch,
    Clock,
    Lease,
    LeaseHeld,
    LeaseLost,
    OpenIntent,
    Position,
    Sent,
    StoreConflict,
    StoreRefused,
    Unsent,
)

SHARD = 0
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Unique = Callable[[Aggregate], Hashable | None]
"""What no two rows of a kind may have in common; None where a row has nothing of the sort."""


class Witness(Protocol):
    """Is told of every lease and every commit, after it."""

    def led(self, service: str, lease: Lease) -> None: ...

    def committed(self, committed: "Committed") -> None: ...


@dataclass(frozen=True, slots=True)
class Committed:
    """A transaction of a service; `ids` are those of its new outbox rows."""

    service: str
    lease: Lease
    batch: Batch
    ids: list[int]


@dataclass(slots=True)
class Stored:
    """A row, with what is asked of it without reading it."""

    state: str | Aggregate
    """JSON, or the row itself."""
    version: int
    terminal: bool
    parked: str
    unique: Hashable | None


@dataclass(slots=True)
class OutboxRow:
    packet: Packet
    position: Position | None = None
    sent_at: datetime | None = None


@dataclass(slots=True)
class IntentRow:
    intent: Intent
    attempts: int = 0


class MemoryStore:
    """The data of one service. Every process of that service is given the same one."""

    def __init__(
        self,
        *,
        service: str,
        kinds: Iterable[type[Aggregate]],
        hands: Mapping[str, type[Value]] | None = None,
        unique: Mapping[str, Unique] | None = None,
        clock: Clock,
        witness: Witness | None = None,
        as_json: bool = True,
    ) -> None:
        self.service = service
        self._kinds = {kind.kind: kind for kind in kinds}
        self._hands = hands or {}
        self._unique = unique or {}
        self._clock = clock
        self._witness = witness
        self._as_json = as_json
        self._lease: Lease | None = None
        self._lease_ends = clock.now()
        self.rows: dict[Ref, Stored] = {}
        self.outbox: dict[int, OutboxRow] = {}
        self.intents: dict[str, IntentRow] = {}
        self._next_outbox_id = itertools.count(1)

    async def acquire(self, *, holder: str, ttl_s: float) -> Lease:
        held, now = self._lease, self._clock.now()
        if held is not None and held.holder not in {holder, ""} and self._lease_ends > now:
            raise LeaseHeld(f"another leader of {self.service} is at work")
        self._lease = Lease(self.service, SHARD, held.epoch + 1 if held is not None else 1, holder)
        self._lease_ends = now + timedelta(seconds=ttl_s)
        if self._witness is not None:
            self._witness.led(self.service, self._lease)
        return self._lease

    async def renew(self, lease: Lease, *, ttl_s: float) -> None:
        self._assert_lease(lease)
        self._lease_ends = self._clock.now() + timedelta(seconds=ttl_s)

    async def release(self, lease: Lease) -> None:
        if self._lease is not None and self._lease.epoch == lease.epoch:
            self._lease = Lease(self.service, SHARD, lease.epoch + 1, "")

    async def living(self) -> list[Aggregate]:
        return [self._read(ref, row) for ref, row in sorted(self.rows.items()) if not row.terminal]

    async def load(self, refs: Iterable[Ref]) -> list[Aggregate]:
        return [self._read(ref, row) for ref in sorted(refs) if (row := self.rows.get(ref)) is not None]

    async def commit(self, lease: Lease, batch: Batch, *, ttl_s: float) -> list[int]:
        self._assert_lease(lease)
        self._assert_versions(batch)
        written = self._rows_of(batch)
        self._lease_ends = self._clock.now() + timedelta(seconds=ttl_s)
        self.rows.update(written)
        for closed in batch.closed_intents:
            self.intents.pop(closed, None)
        for intent in batch.intents:
            self.intents.setdefault(intent.id, IntentRow(intent))
        for outbox_id, position in batch.sent:
            if outbox_id in self.outbox:
                self._note_sent(self.outbox[outbox_id], position)
        ids = [next(self._next_outbox_id) for _ in batch.outbox]
        self.outbox.update(zip(ids, map(OutboxRow, batch.outbox), strict=True))
        if self._witness is not None:
            self._witness.committed(Committed(self.service, lease, batch, ids))
        return ids

    async def unsent(self) -> list[Unsent]:
        return [Unsent(one, row.packet) for one, row in self.outbox.items() if row.position is None]

    async def sent_since(self, position: Position) -> list[Sent]:
        return [sent for sent in self._sent(position.stream) if sent.position >= position]

    async def sent_lately(self, stream: str, *, within: timedelta) -> list[Sent]:
        noted = {sent.id: self.outbox[sent.id].sent_at or EPOCH for sent in self._sent(stream)}
        since = max(noted.values(), default=EPOCH) - within
        return [sent for sent in self._sent(stream) if noted[sent.id] >= since]

    async def last_sent(self) -> Mapping[str, int]:
        last: dict[str, int] = {}
        for row in self.outbox.values():
            if row.position is not None:
                last[row.position.stream] = max(last.get(row.position.stream, 0), row.position.sequence)
        return last

    async def prune(self, *, sent_before: datetime) -> None:
        # They lie in the order of their ids, which is nearly that of their sending: the first young one ends
        # it.
        for one, row in list(itertools.islice(self.outbox.items(), 1_000)):
            if row.sent_at is None:
                continue
            if row.sent_at >= sent_before:
                return
            del self.outbox[one]

    async def open_intents(self) -> list[OpenIntent]:
        return [OpenIntent(self._reread(row.intent), row.attempts) for row in self.intents.values()]

    async def begin_intent(self, intent_id: str) -> int:
        row = self.intents.get(intent_id)
        if row is None:
            return 0
        row.attempts += 1
        return row.attempts

    def _assert_lease(self, lease: Lease) -> None:
        if self._lease is None or self._lease.epoch != lease.epoch:
            raise LeaseLost(f"another leader has taken {self.service}")

    def _assert_versions(self, batch: Batch) -> None:
        for row, loaded in batch.updated:
            there = self.rows.get(row.ref)
            if there is None or there.version != loaded:
                raise StoreConflict(f"{row.kind} {row.id} is not at the version it was loaded at")
        for row in batch.created:
            if row.ref in self.rows:
                raise StoreConflict(f"{row.kind}: there is a row already: {row.id}")

    def _rows_of(self, batch: Batch) -> dict[Ref, Stored]:
        """Raises StoreRefused."""
        written: dict[Ref, Stored] = {}
        for row in (*(row for row, _ in batch.updated), *batch.created):
            if not row.terminal and row.wake_at is None:
                raise StoreRefused(f"{row.kind}_wakes_while_it_lives: {row.id}")
            state = self._written(row)
            unique = self._unique.get(row.kind)
            written[row.ref] = Stored(
                state, row.version, row.terminal, row.parked, unique(row) if unique is not None else None
            )
        self._assert_unique(written)
        return written

    def _written(self, row: Aggregate) -> str | Aggregate:
        if not self._as_json and row.version > 1:
            return row
        state = row.model_dump_json()
        if "\\u0000" in state:
            raise StoreRefused(f"{row.kind} {row.id}: JSON of Postgres cannot hold a NUL")
        return state if self._as_json else row

    def _assert_unique(self, written: Mapping[Ref, Stored]) -> None:
        taken = {(ref.kind, row.unique): ref for ref, row in written.items() if row.unique is not None}
        if not taken:
            return
        others = (
            (ref, row) for ref, row in self.rows.items() if ref not in written and row.unique is not None
        )
        for ref, row in (*others, *written.items()):
            if taken.get((ref.kind, row.unique), ref) != ref:
                raise StoreRefused(f"{ref.kind}: {row.unique} is taken by {ref.id}")

    def _sent(self, stream: str) -> list[Sent]:
        """In the order of the stream."""
        noted = (
            Sent(one, row.packet, row.position)
            for one, row in self.outbox.items()
            if row.position is not None and row.position.stream == stream
        )
        return sorted(noted, key=lambda sent: (sent.position, sent.id))

    def _note_sent(self, row: OutboxRow, position: Position) -> None:
        row.position = position
        row.sent_at = self._clock.now()

    def _read(self, ref: Ref, row: Stored) -> Aggregate:
        state = row.state
        return self._kinds[ref.kind].model_validate_json(state) if isinstance(state, str) else state

    def _reread(self, intent: Intent) -> Intent:
        if not self._as_json:
            return intent
        payload = self._hands[intent.hand].model_validate_json(intent.payload.model_dump_json())
        return Intent(intent.id, intent.hand, intent.target, payload)
