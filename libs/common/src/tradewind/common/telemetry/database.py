"""A span for each committed transaction of an engine, in the trace of what the committing task works on."""

from sqlalchemy import Connection, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import ConnectionPoolEntry

from tradewind.common.telemetry.spans import Off, Span, Tracer, current_traceparent

_SPAN = "tradewind.span"


def trace_commits(engine: AsyncEngine, tracer: Tracer) -> None:
    """From the commit until the connection is given back. Off: nothing is listened to."""
    if isinstance(tracer, Off):
        return

    def on_commit(connection: Connection) -> None:
        connection.info[_SPAN] = tracer.span_for(
            "commit", traceparent=current_traceparent(), attributes={"db.system.name": "postgresql"}
        )

    def on_checkin(_dbapi: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:
        span: Span | None = entry.info.pop(_SPAN, None)
        if span is not None:
            span.end()

    event.listen(engine.sync_engine, "commit", on_commit)
    event.listen(engine.sync_engine, "checkin", on_checkin)
