"""Logs and events as server-sent events."""

from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import StreamingResponse

from tradewind.gateway import event_feed, log_feed
from tradewind.gateway.http.jobs import find, find_job
from tradewind.gateway.http.parameters import (
    DEFAULT_WORKSPACE,
    Following,
    Instant,
    InWorkspace,
    JobReference,
    LastEventId,
)
from tradewind.gateway.http.problems import answers, invalid
from tradewind.gateway.parts import Parts
from tradewind.gateway.sse import EventStream
from tradewind.gateway.stream_reader import Start

CLOCKS_DIFFER = timedelta(seconds=2)
"""Between whoever stored the submission and whoever stored its first event, at most."""


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["streams"])

    @router.get(
        "/v1/jobs/{job}/logs",
        response_class=StreamingResponse,
        responses=_streams("log", "`log` events, one a piece of a rank's log; last an `end` event."),
    )
    async def logs(
        *,
        job: JobReference,
        workspace: InWorkspace = DEFAULT_WORKSPACE,
        follow: Following = False,
        tail: Annotated[
            int | None, Query(ge=0, le=10_000, description="The last lines of what is there.")
        ] = None,
        rank: Annotated[int | None, Query(ge=0, le=1_000_000, description="Of that rank only.")] = None,
        last_event_id: LastEventId = None,
    ) -> EventStream:
        """What a job printed: all ranks, all attempts. With `follow` through recoveries until the job is
        over.
        """
        found = await find_job(parts, job, workspace=workspace)
        wish = log_feed.Wish(found.id, follow=follow, tail=tail, rank=rank, after=last_event_id)
        feed = log_feed.log_feed(wish, connection=parts.connection, jobs=parts.jobs, endings=parts.endings)
        return EventStream(feed, stopping=parts.stopping)

    @router.get(
        "/v1/events",
        response_class=StreamingResponse,
        responses=_streams("job.running", "Events, named by their type; each one's data is a CloudEvent."),
    )
    async def events(
        *,
        workspace: InWorkspace = DEFAULT_WORKSPACE,
        follow: Following = False,
        job: Annotated[str | None, Query(description="Of this job or array, from its submission on.")] = None,
        type: Annotated[str | None, Query(description="Such as job.succeeded, or job.*")] = None,
        since: Annotated[
            Instant | None, Query(description="From this time on, as far as events are kept.")
        ] = None,
        last_event_id: LastEventId = None,
    ) -> EventStream:
        """Events of a workspace, as CloudEvents."""
        found = await find(parts, job, workspace=workspace) if job is not None else None
        if last_event_id is not None:
            start = Start(sequence=last_event_id + 1)
        elif since is not None:
            start = Start(time=since)
        elif found is not None:
            start = Start(time=found.submitted_at - CLOCKS_DIFFER)
        else:
            start = Start(new=follow)
        wish = event_feed.Wish(workspace, start, follow=follow, type=type, job=found.id if found else None)
        try:
            feed = event_feed.event_feed(parts.connection, parts.bus, wish)
        except event_feed.BadType as why:
            raise invalid(str(why), field="type") from None
        return EventStream(feed, stopping=parts.stopping)

    return router


def _streams(event: str, description: str) -> dict[int | str, dict[str, Any]]:
    example = f"id: 42\nevent: {event}\ndata: {{…}}\n\n"
    told = {
        "description": description,
        "content": {"text/event-stream": {"schema": {"type": "string"}, "example": example}},
    }
    return {200: told, **answers(HTTPStatus.NOT_FOUND)}
