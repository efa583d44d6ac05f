"""Submissions in Postgres: stored whole by one statement, kept as long as their owner has not spoken of them.

A row of `submission` is the wish, the owner's first event the answer. Whatever happens between the commit and
the answer (we die before we publish; the bus loses its end) the row is still there, and `due` hands it out
again. So no outbox with notes of what was sent is needed: publishing twice is harmless, and only the answer
counts.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from tradewind.common.contracts.job import SubmitArray, SubmitJob
from tradewind.common.db.engine import driver_connection
from tradewind.common.reactor.ports import Unavailable
from tradewind.gateway.domain.job_views import JobItem, Kind
from tradewind.gateway.domain.submission import Submission

FIRST_DUE = timedelta(seconds=10)
"""The owner mostly answers within milliseconds."""
LATEST_DUE = timedelta(minutes=5)
"""Between two tries, which double from the first on."""

_STORE = """
WITH asked AS (
    INSERT INTO gateway.request (workspace, key, digest, id, kind, created_at)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT DO NOTHING
    RETURNING id
), counted AS (
    INSERT INTO gateway.counter AS counter (workspace, last)
    SELECT $1, 1 FROM asked
    ON CONFLICT (workspace) DO UPDATE SET last = counter.last + 1
    RETURNING last
), kept AS (
    INSERT INTO gateway.spec (ref, workspace, body, created_at)
    SELECT $7, $1, $8, $6 FROM asked
    ON CONFLICT DO NOTHING
), wished AS (
    INSERT INTO gateway.submission (id, kind, workspace, number, command, traceparent, created_at, due_at)
    SELECT $4, $5, $1, last, $9, $10, $6, $11 FROM counted
), shown AS ({shown})
SELECT last FROM counted
"""
_STORE_JOB = _STORE.format(
    shown="""
    INSERT INTO gateway.job
        (id, workspace, number, index, workflow, phase, name, "user", cluster, version, view, ranks)
    SELECT $4, $1, last, -1, NULL, 'submitted', $13, $14, $15, 0,
           jsonb_set($12::text::jsonb, '{number}', to_jsonb(last))::text, '[]'
    FROM counted"""
)
_STORE_ARRAY = _STORE.format(
    shown="""
    INSERT INTO gateway.level (noun, id, workspace, phase, name, claim, version, body, observed_at)
    SELECT 'workflow', $4, $1, 'submitted', $13, NULL, 0,
           jsonb_set($12::text::jsonb, '{number}', to_jsonb(last)), $6
    FROM counted"""
)
_KNOWN = """
SELECT request.digest, request.id, request.kind, request.created_at,
       submission.command, submission.traceparent,
       coalesce(submission.number, job.number, (level.body ->> 'number')::bigint) AS number
FROM gateway.request
LEFT JOIN gateway.submission ON submission.id = request.id
LEFT JOIN gateway.job ON job.id = request.id
LEFT JOIN gateway.level ON level.noun = 'workflow' AND level.id = request.id
WHERE request.workspace = $1 AND request.key = $2
"""
_DUE = """
UPDATE gateway.submission
SET tries = tries + 1, due_at = $1::timestamptz + least($2::interval * 2 ^ least(tries, 20), $3::interval)
WHERE id IN (
    SELECT id FROM gateway.submission WHERE due_at <= $1 ORDER BY due_at LIMIT $4 FOR UPDATE SKIP LOCKED
)
RETURNING id, kind, workspace, number, command, traceparent, cancelled, created_at, tries
"""
_CANCEL = "UPDATE gateway.submission SET cancelled = $2 WHERE id = $1 RETURNING *"


class KeyReused(ValueError):
    """The idempotency key was used for another request."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A stored submission. `command` is None once its owner has confirmed it."""

    id: str
    kind: Kind
    number: int
    at: datetime
    command: SubmitJob | SubmitArray | None
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """A submission of which its owner has not spoken in time. `cancelled` is why it shall end at once, if it
    shall.
    """

    accepted: Accepted
    workspace: str
    cancelled: str | None
    tries: int
    """How often it was handed out, this time included."""


class SubmissionStore:
    """Every method raises Unavailable when Postgres is away, StoreRefused for a value that it cannot hold."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def accept(self, submission: Submission, *, key: str, digest: bytes) -> Accepted:
        """Store it and give it its number, or find what the same request led to.

        Raises:
            KeyReused: `key` was used for a request with another digest.
        """
        statement = _STORE_JOB if submission.kind is Kind.JOB else _STORE_ARRAY
        async with driver_connection(self._engine) as connection:
            number = await connection.fetchval(statement, *_arguments(submission, key=key, digest=digest))
            known = None if number else await connection.fetchrow(_KNOWN, submission.workspace, key)
        if number is not None:
            return Accepted(
                id=submission.id,
                kind=submission.kind,
                number=number,
                at=submission.at,
                command=submission.command.but(number=number),
                traceparent=submission.traceparent,
            )
        if known is None:
            raise Unavailable("the key was forgotten between two looks")
        if known["digest"] != digest:
            raise KeyReused(
                f"the Idempotency-Key {key!r} was used for another request; use a new one for each"
            )
        return _accepted(known)

    async def due(self, now: datetime, *, limit: int) -> Sequence[Unconfirmed]:
        """Those that should have been confirmed by now. Each is handed out to one caller, and again later."""
        async with driver_connection(self._engine) as connection:
            rows = await connection.fetch(_DUE, now, FIRST_DUE, LATEST_DUE, limit)
        return [Unconfirmed(_accepted(row), row["workspace"], row["cancelled"], row["tries"]) for row in rows]

    async def cancel(self, id: str, reason: str) -> Accepted | None:
        """Note that an unconfirmed submission shall end at once. None: it is confirmed, or there is none."""
        async with driver_connection(self._engine) as connection:
            row = await connection.fetchrow(_CANCEL, id, reason)
        return _accepted(row) if row else None

    async def spec(self, ref: str) -> bytes | None:
        async with driver_connection(self._engine) as connection:
            return await connection.fetchval("SELECT body FROM gateway.spec WHERE ref = $1", ref)


def _arguments(submission: Submission, *, key: str, digest: bytes) -> list[object]:
    common: list[object] = [
        submission.workspace,
        key,
        digest,
        submission.id,
        submission.kind.value,
        submission.at,
        submission.spec_ref,
        submission.spec,
        submission.command.model_dump_json(),
        submission.traceparent,
        submission.at + FIRST_DUE,
    ]
    shown = submission.shown
    if isinstance(shown, JobItem):
        return [*common, shown.model_dump_json(), shown.name, shown.user, shown.cluster]
    return [*common, json.dumps(shown), submission.command.summary.name]


def _accepted(row: asyncpg.Record) -> Accepted:
    kind = Kind(row["kind"])
    contract = SubmitJob if kind is Kind.JOB else SubmitArray
    command = contract.model_validate_json(row["command"]) if row["command"] else None
    return Accepted(
        id=row["id"],
        kind=kind,
        number=row["number"],
        at=row["created_at"],
        command=command.but(number=row["number"]) if command else None,
        traceparent=row["traceparent"] or "",
    )
