"""Pages of jobs, which are asked for most: the rows hold their JSON as text, and Postgres only joins it."""

import re
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncEngine

from tradewind.common.contracts.job import JobPhase
from tradewind.common.db.engine import driver_connection
from tradewind.gateway.domain.submission import Workspace
from tradewind.gateway.held_connection import HeldConnection

_CURSOR = re.compile(r"([0-9]{1,15})_(-1|[0-9]{1,9})")


class BadCursor(ValueError):
    """`after` was not made by us."""


class PageQuery(BaseModel):
    """Which jobs."""

    workspace: Workspace = Field(default="default", description="Whose jobs.")
    phase: tuple[JobPhase | Literal["submitted"], ...] = Field(default=(), description="May be repeated.")
    name: str | None = None
    user: str | None = None
    workflow: str | None = Field(default=None, description="An array's id or number.")
    cluster: str | None = Field(default=None, description="The named cluster that they are pinned to.")
    limit: int = Field(default=50, ge=1, le=500)
    after: str | None = Field(default=None, description="The `next` of the page before.")

    @property
    def searches(self) -> bool:
        """No index gives these in order: many rows may be looked at."""
        return len(self.phase) > 1 or any((self.name, self.user, self.cluster))


class JobPages:
    """Pages as bytes. Those that an index gives at once go over a connection that is kept for them."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._held = HeldConnection(engine)

    async def page(self, query: PageQuery, *, observed_at: datetime) -> bytes:
        """A JobPage as JSON, newest first.

        Raises:
            BadCursor, Unavailable
        """
        sql, values = _statement(query)
        if query.searches:
            async with driver_connection(self._engine) as connection:
                (row,) = await connection.fetch(sql, *values)
        else:
            (row,) = await self._held.fetch(sql, *values)
        full = row["jobs"] == query.limit
        following = f'"{row["last"]}"' if full else "null"
        text = (
            f'{{"jobs":[{row["views"] or ""}],"next":{following},"observed_at":"{observed_at.isoformat()}"}}'
        )
        return text.encode()

    async def close(self) -> None:
        await self._held.close()


def _statement(query: PageQuery) -> tuple[str, list[object]]:
    values: list[object] = [query.workspace, query.limit]
    conditions = ["workspace = $1"]

    def where(condition: str, *more: object) -> None:
        first = len(values) + 1
        conditions.append(condition.format(*(f"${first + at}" for at in range(len(more)))))
        values.extend(more)

    if len(query.phase) == 1:
        where("phase = {}", str(query.phase[0]))  # an index gives these in the order of the page
    elif query.phase:
        where("phase = ANY({}::text[])", [str(one) for one in query.phase])
    if query.name is not None:
        where("name = {}", query.name)
    if query.user is not None:
        where('"user" = {}', query.user)
    if query.cluster is not None:
        where("cluster = {}", query.cluster)
    if query.workflow is not None:
        if query.workflow.isdecimal() and len(query.workflow) <= 15:
            where("number = {} AND index >= 0", int(query.workflow))
        else:
            where("workflow = {}", query.workflow)
    if query.after is not None:
        where("(number, index) < ({}, {})", *_place(query.after))
    return (
        f"""SELECT string_agg(view, ',' ORDER BY number DESC, index DESC) AS views, count(*) AS jobs,
                   (array_agg(number || '_' || index ORDER BY number DESC, index DESC))[count(*)] AS last
            FROM (SELECT number, index, view FROM gateway.job WHERE {" AND ".join(conditions)}
                  ORDER BY number DESC, index DESC LIMIT $2) AS page""",
        values,
    )


def _place(cursor: str) -> tuple[int, int]:
    place = _CURSOR.fullmatch(cursor)
    if place is None:
        raise BadCursor("after: not the `next` of a page")
    return int(place[1]), int(place[2])
