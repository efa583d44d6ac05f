"""A span for each use of a database connection: a transaction, or a statement that commits by itself.

By the pool's events, since stores speak to the driver itself, where SQLAlchemy sees no commit.
"""

from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from tradewind.common.telemetry.spans import Off, Span, Tracer, current_traceparent

_SPAN = "tradewind.span"


def trace_commits(engine: AsyncEngine, tracer: Tracer) -> None:
    """Spans in the trace of what the task works on; none where it works on nothing that is traced.

    Off: nothing is listened to.
    """
    if isinstance(tracer, Off):
        return

    def on_checkout(
        _dbapi: DBAPIConnection, entry: ConnectionPoolEntry, _proxy: PoolProxiedConnection
    ) -> None:
        if traceparent := current_traceparent():
            attributes = {"db.system.name": "postgresql"}
            entry.info[_SPAN] = tracer.span_for("postgres", traceparent=traceparent, attributes=attributes)

    def on_checkin(_dbapi: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:
        span: Span | None = entry.info.pop(_SPAN, None)
        if span is not None:
            span.end()

    event.listen(engine.sync_engine, "checkout", on_checkout)
    event.listen(engine.sync_engine, "checkin", on_checkin)
