"""Parameters that many routes have."""

import re
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Header, Path, Query, Request
from pydantic import AfterValidator, AwareDatetime

from tradewind.common.telemetry.spans import current_traceparent
from tradewind.gateway.domain.submission import Workspace

InWorkspace = Annotated[Workspace, Query(description="Whose things.")]
DEFAULT_WORKSPACE = "default"

JobReference = Annotated[
    str,
    Path(
        min_length=1,
        max_length=200,
        description="An id, a number (`7`), or a job of an array by number and index (`7_3`).",
        examples=["7", "7_3"],
    ),
]
ClusterReference = Annotated[
    str, Path(min_length=1, max_length=200, description="The name of a cluster, or the id of its claim.")
]
LastEventId = Annotated[
    int | None,
    Header(
        alias="Last-Event-ID", ge=0, le=2**53, description="The `id` of the last event seen: go on behind it."
    ),
]
Following = Annotated[bool, Query(description="Stay, and send what comes.")]


def _in_utc(said: datetime) -> datetime:
    try:
        return said.astimezone(UTC)
    except OverflowError:  # at the ends of the calendar
        raise ValueError("not a time that can be told in UTC") from None


Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")  # W3C Trace Context, level 1


def traceparent_of(request: Request) -> str:
    """Of our span; where nobody traces us, of the caller's."""
    told = request.headers.get("traceparent", "")
    return current_traceparent() or (told if _TRACEPARENT.fullmatch(told) else "")
