"""Bodies beyond what their models check.

Their models are built at once (`defer_build=False`): built later, by FastAPI, pydantic warns of an alias that
FastAPI itself put there.
"""

import json

from fastapi import Request
from pydantic import BaseModel

from tradewind.gateway.domain.body_faults import first_fault
from tradewind.gateway.http.problems import invalid


async def check_body(request: Request, taken: BaseModel | None) -> None:
    """Raises Refused (422) for a field that nobody knows, or a value that cannot be kept."""
    raw = await request.body()
    if raw and taken is not None and (fault := first_fault(json.loads(raw), taken)):
        raise invalid(fault.detail, field=fault.field)
