"""Pages of jobs. The path that is asked most: the rows hold their JSON as text, and Postgres only joins it."""

import re
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from tradewind.common.db.engine import driver_connection

_CURSOR = re.compile(r"(\d{1,15})_(-1|\d{1,9})")


class BadCursor(ValueError):
    """`after` was not made by us."""


@dataclass(frozen=True, slots=True)
class Query:
    """Which jobs. `workflow` is an array's id or number; `after` the `next` of the page before."""

    workspace: str
    phases: tuple[str, ...] = ()
    name: str | None = None
    user: str | None = None
    workflow: str | None = None
    cluster: str | None = None
    after: str | None = None
    limit: int = 50


async def job_page(engine: AsyncEngine, query: Query, *, observed_at: datetime) -> bytes:
    """A JobPage as JSON, newest first.

    Raises:
        BadCursor, Unavailable
    """
    sql, values = _statement(query)
    async with driver_connection(engine) as connection:
        (row,) = await connection.fetch(sql, *values)
    full = row["jobs"] == query.limit
    following = f'"{row["last"]}"' if full else "null"
    text = f'{{"jobs":[{row["views"] or ""}],"next":{following},"observed_at":"{observed_at.isoformat()}"}}'
    return text.encode()


def _statement(query: Query) -> tuple[str, list[object]]:
    values: list[object] = [query.workspace, query.limit]
    conditions = ["workspace = $1"]

    def where(condition: str, *more: object) -> None:
        first = len(values) + 1
        conditions.append(condition.format(*(f"${first + at}" for at in range(len(more)))))
        values.extend(more)

    if query.phases:
        where("phase = ANY({}::text[])", list(query.phases))
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
