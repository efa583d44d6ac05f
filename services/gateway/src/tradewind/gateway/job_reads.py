"""Jobs and arrays as they are shown: read from the read model."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from tradewind.common.contracts.allocation import AllocationEvent
from tradewind.common.contracts.job import TERMINAL_JOB_PHASES
from tradewind.common.contracts.node import NodeLevel
from tradewind.common.contracts.registry import contracts
from tradewind.common.db.engine import driver_connection
from tradewind.gateway.domain.cloud_events import CloudEvent
from tradewind.gateway.domain.costs import JobCost, Told, job_cost
from tradewind.gateway.domain.job_views import Job, Kind, Workflow

_NUMBER = re.compile(r"(?P<number>[0-9]{1,15})(_(?P<index>[0-9]{1,9}))?")
_NO_INDEX = -1
"""What the store has for a job outside an array."""
_FOUND = """
SELECT 'job' AS kind, id, number, phase, (view::json ->> 'submitted_at')::timestamptz AS submitted_at
FROM gateway.job
WHERE workspace = $1 AND {job}
UNION ALL
SELECT 'workflow', id, (body ->> 'number')::bigint, phase, (body ->> 'submitted_at')::timestamptz
FROM gateway.level
WHERE noun = 'workflow' AND workspace = $1 AND {workflow}
LIMIT 1
"""
_BY_ID = _FOUND.format(job="id = $2", workflow="id = $2")
_BY_NUMBER = _FOUND.format(
    job="number = $2 AND index = $3::int",
    workflow=f"(body ->> 'number')::bigint = $2 AND $3 = {_NO_INDEX}",
)
_ALLOCATION_TYPES = [one.type_name for one in contracts() if issubclass(one, AllocationEvent)]
_TIMELINE = """
SELECT * FROM gateway.event WHERE about = $1
UNION
SELECT * FROM gateway.event WHERE correlation = $1
ORDER BY sequence
LIMIT 10000
"""


class Found(NamedTuple):
    """Which thing a reference means."""

    kind: Kind
    id: str
    number: int
    phase: str
    submitted_at: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """How far a job is."""

    phase: str
    exit_code: int | None

    @property
    def over(self) -> bool:
        return self.phase in TERMINAL_JOB_PHASES


class JobReads:
    """Every method raises Unavailable when Postgres is away."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def find(self, reference: str, *, workspace: str) -> Found | None:
        """A job or an array by its id or number; a job of an array by `<number>_<index>`."""
        numbered = _NUMBER.fullmatch(reference)
        async with driver_connection(self._engine) as connection:
            if numbered is None:
                row = await connection.fetchrow(_BY_ID, workspace, reference)
            else:
                index = int(numbered["index"] or _NO_INDEX)
                row = await connection.fetchrow(_BY_NUMBER, workspace, int(numbered["number"]), index)
        if row is None:
            return None
        return Found(Kind(row["kind"]), row["id"], row["number"], row["phase"], row["submitted_at"])

    async def job(self, id: str, *, now: datetime) -> Job | None:
        async with driver_connection(self._engine) as connection:
            row = await connection.fetchrow("SELECT view, ranks FROM gateway.job WHERE id = $1", id)
        if row is None:
            return None
        cost = await self.cost(id, now=now)
        shown = f'{row["view"][:-1]},"ranks":{row["ranks"]},"cost_usd":{cost.cost_usd!r}}}'
        return Job.model_validate_json(shown)

    async def outcome(self, id: str) -> Outcome | None:
        query = "SELECT phase, (view::json ->> 'exit_code')::int AS exit_code FROM gateway.job WHERE id = $1"
        async with driver_connection(self._engine) as connection:
            row = await connection.fetchrow(query, id)
        return Outcome(row["phase"], row["exit_code"]) if row else None

    async def workflow(self, id: str) -> Workflow | None:
        async with driver_connection(self._engine) as connection:
            row = await connection.fetchrow(
                "SELECT body, observed_at FROM gateway.level WHERE noun = 'workflow' AND id = $1", id
            )
            phases = await connection.fetch(
                "SELECT phase, count(*) AS jobs FROM gateway.job WHERE workflow = $1 GROUP BY phase", id
            )
        if row is None:
            return None
        jobs = {one["phase"]: one["jobs"] for one in phases}
        level = json.loads(row["body"])
        return Workflow.model_validate({**level, "jobs": jobs, "observed_at": row["observed_at"]})

    async def cost(self, id: str, *, now: datetime) -> JobCost:
        """From the allocation's events and the nodes' levels, so as far back as events are kept."""
        async with driver_connection(self._engine) as connection:
            said = await connection.fetch(
                "SELECT time, body FROM gateway.event WHERE about = $1 AND type = ANY($2)",
                id,
                _ALLOCATION_TYPES,
            )
            told = [
                Told(row["time"], AllocationEvent.model_validate_json(row["body"]).allocation) for row in said
            ]
            named = sorted({seat.node for one in told for seat in one.level.seats})
            levels = await connection.fetch(
                "SELECT body FROM gateway.level WHERE noun = 'node' AND id = ANY($1)", named
            )
        nodes = {node.id: node for node in (NodeLevel.model_validate_json(row["body"]) for row in levels)}
        return job_cost(id, told, nodes, now=now)

    async def timeline(self, id: str) -> Sequence[CloudEvent]:
        """Every event about the job, or that happened for it, in stream order."""
        async with driver_connection(self._engine) as connection:
            rows = await connection.fetch(_TIMELINE, id)
        return [_cloud_event(row) for row in rows]


def _cloud_event(row: asyncpg.Record) -> CloudEvent:
    return CloudEvent(
        id=row["id"],
        type=row["type"],
        source=row["source"],
        subject=row["about"],
        time=row["time"],
        data=json.loads(row["body"]),
        workspace=row["workspace"],
        correlation=row["correlation"],
        cause=row["cause"],
        traceparent=row["traceparent"],
    )
