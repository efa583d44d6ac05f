"""The store of a service that nobody kills: its rows as they are, and whoever wants to see each commit."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from tradewind.common.reactor.aggregate import Aggregate, Ref
from tradewind.common.reactor.ports import Batch, Lease, OpenIntent, Position, Sent, Unsent

COMMIT_S = 0.01
"""What a commit takes. Meanwhile the next batch gathers, as it does in production."""

Committed = Callable[[Batch], None]


class KeptRows:
    """`reactor.ports.Store` for one leader that lives as long as its rows.

    Nothing is written as JSON and no outbox is kept: both are for those who come after a crash.
    """

    def __init__(self, service: str, *, committed: Committed) -> None:
        self._service = service
        self._committed = committed
        self._rows: dict[Ref, Aggregate] = {}
        self._begun: dict[str, int] = {}
        self._outbox = 0

    async def acquire(self, *, holder: str, ttl_s: float) -> Lease:
        return Lease(self._service, 0, 1, holder)

    async def renew(self, lease: Lease, *, ttl_s: float) -> None:
        """Nobody else wants it."""

    async def release(self, lease: Lease) -> None:
        """Nobody else wants it."""

    async def living(self) -> list[Aggregate]:
        return [row for row in self._rows.values() if not row.terminal]

    async def load(self, refs: Iterable[Ref]) -> list[Aggregate]:
        return [row for ref in refs if (row := self._rows.get(ref)) is not None]

    async def commit(self, lease: Lease, batch: Batch, *, ttl_s: float) -> list[int]:
        if not (batch.created or batch.updated or batch.outbox or batch.intents or batch.closed_intents):
            return []
        await asyncio.sleep(COMMIT_S)
        for row in batch.created:
            self._rows[row.ref] = row
        for row, _ in batch.updated:
            self._rows[row.ref] = row
        for intent in batch.closed_intents:
            self._begun.pop(intent, None)
        for intent in batch.intents:
            self._begun.setdefault(intent.id, 0)
        first = self._outbox + 1
        self._outbox += len(batch.outbox)
        self._committed(batch)
        return list(range(first, self._outbox + 1))

    async def unsent(self) -> list[Unsent]:
        return []

    async def sent_since(self, position: Position) -> list[Sent]:
        return []

    async def sent_lately(self, stream: str, *, within: timedelta) -> list[Sent]:
        return []

    async def last_sent(self) -> Mapping[str, int]:
        return {}

    async def prune(self, *, sent_before: datetime) -> None:
        """There is nothing to forget."""

    async def open_intents(self) -> list[OpenIntent]:
        return []

    async def begin_intent(self, intent_id: str) -> int:
        if intent_id not in self._begun:
            return 0
        self._begun[intent_id] += 1
        return self._begun[intent_id]
