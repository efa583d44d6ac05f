"""The read model's writes: a batch of events is one statement, so one transaction and one round trip.

Every row is taken only if it is newer than what is there, and every event once. So a batch that comes again,
another order, or a second gateway that believes itself to be the leader change nothing for the worse: no
lease is asserted.
"""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from tradewind.common.db.engine import driver_connection
from tradewind.gateway.domain.projection import Changes

EVENTS_KEPT = timedelta(days=30)
REQUESTS_KEPT = timedelta(days=7)

_APPLY = """
WITH jobs AS (
    INSERT INTO gateway.job AS known
        (id, workspace, number, index, workflow, phase, name, "user", cluster, version, view, ranks)
    SELECT * FROM unnest(
        $1::text[], $2::text[], $3::bigint[], $4::int[], $5::text[], $6::text[], $7::text[], $8::text[],
        $9::text[], $10::bigint[], $11::text[], $12::text[])
    ON CONFLICT (id) DO UPDATE SET
        phase = excluded.phase, version = excluded.version, view = excluded.view, ranks = excluded.ranks
    WHERE known.version < excluded.version
), levels AS (
    INSERT INTO gateway.level AS known
        (noun, id, workspace, phase, name, claim, version, body, observed_at)
    SELECT noun, id, workspace, phase, name, claim, version, body::jsonb, $21
    FROM unnest($13::text[], $14::text[], $15::text[], $16::text[], $17::text[], $18::text[], $19::bigint[],
        $20::text[]) AS heard (noun, id, workspace, phase, name, claim, version, body)
    ON CONFLICT (noun, id) DO UPDATE SET
        phase = excluded.phase, name = excluded.name, claim = excluded.claim, version = excluded.version,
        body = excluded.body, observed_at = excluded.observed_at
    WHERE known.version < excluded.version
), events AS (
    INSERT INTO gateway.event
        (id, sequence, time, type, source, workspace, about, correlation, cause, traceparent, body)
    SELECT * FROM unnest(
        $22::text[], $23::bigint[], $24::timestamptz[], $25::text[], $26::text[], $27::text[], $28::text[],
        $29::text[], $30::text[], $31::text[], $32::text[])
    ON CONFLICT (id) DO NOTHING
)
DELETE FROM gateway.submission WHERE id = ANY($33::text[])
"""


class ProjectionStore:
    """Raises Unavailable when Postgres is away, StoreRefused for a value that it cannot hold."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def apply(self, changes: Changes) -> None:
        # In the order of their ids, or two writers could wait for each other.
        jobs = [changes.jobs[id] for id in sorted(changes.jobs)]
        levels = [changes.levels[key] for key in sorted(changes.levels)]
        events = changes.events
        arrays = (
            [job.level.id for job in jobs],
            [job.level.workspace for job in jobs],
            [job.level.number for job in jobs],
            [-1 if job.level.index is None else job.level.index for job in jobs],
            [job.level.workflow for job in jobs],
            [job.level.phase.value for job in jobs],
            [job.level.summary.name for job in jobs],
            [job.level.user for job in jobs],
            [job.level.summary.cluster for job in jobs],
            [job.level.version for job in jobs],
            [job.view for job in jobs],
            [job.ranks for job in jobs],
            [row.noun for row in levels],
            [row.level.id for row in levels],
            [row.level.workspace for row in levels],
            [row.phase for row in levels],
            [row.name for row in levels],
            [row.claim for row in levels],
            [row.level.version for row in levels],
            [row.body for row in levels],
            changes.observed_at,
            [one.envelope.id for one in events],
            [one.sequence for one in events],
            [one.envelope.time for one in events],
            [one.envelope.message.type_name for one in events],
            [one.envelope.source for one in events],
            [one.workspace for one in events],
            [one.envelope.message.about for one in events],
            [one.envelope.correlation for one in events],
            [one.envelope.cause for one in events],
            [one.envelope.traceparent for one in events],
            [one.body.decode() for one in events],
            [*changes.jobs, *(id for noun, id in changes.levels if noun == "workflow")],
        )
        async with driver_connection(self._engine) as connection:
            await connection.execute(_APPLY, *arrays)

    async def prune(self, now: datetime) -> None:
        """Forget events and idempotency keys that are old."""
        async with driver_connection(self._engine) as connection:
            await connection.execute("DELETE FROM gateway.event WHERE time < $1", now - EVENTS_KEPT)
            await connection.execute("DELETE FROM gateway.request WHERE created_at < $1", now - REQUESTS_KEPT)
