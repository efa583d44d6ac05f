"""A span for each commit of a store, in the trace of what the committing task works on.

Around the port and not below it: stores speak to the driver itself, where no library's hooks see them.
"""

from typing import cast

from tradewind.common.reactor.ports import Batch, Lease, Store
from tradewind.common.telemetry.spans import Off, Tracer, current_traceparent


class _TracedCommits:
    """A store that hands everything else on to the one within."""

    def __init__(self, store: Store, tracer: Tracer) -> None:
        self._store = store
        self._tracer = tracer

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    async def commit(self, lease: Lease, batch: Batch, *, ttl_s: float) -> list[int]:
        attributes = {
            "db.system.name": "postgresql",
            "tradewind.rows": len(batch.created) + len(batch.updated),
            "tradewind.outbox": len(batch.outbox),
            "tradewind.intents": len(batch.intents),
        }
        with self._tracer.span_for("commit", traceparent=current_traceparent(), attributes=attributes):
            return await self._store.commit(lease, batch, ttl_s=ttl_s)


def trace_commits(store: Store, tracer: Tracer) -> Store:
    """`store` with a span around each commit. Off: `store` itself."""
    if isinstance(tracer, Off):
        return store
    return cast("Store", _TracedCommits(store, tracer))  # by __getattr__ it has the rest of the port, too
