"""Errors as they leave: application/problem+json (RFC 9457), a sentence, and the field where there is one."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from tradewind.common.reactor.ports import StoreRefused, Unavailable

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 1


class Problem(BaseModel):
    """Why a call was refused."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str = Field(description="One sentence for a person: what is wrong, and what to do instead.")
    field: str | None = Field(
        default=None, description="Where in the request, such as spec.roles.0.shape.cpus."
    )


class Refused(Exception):
    """Ends a request with this status. `detail` is one sentence that may be shown."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        field: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.field = field
        self.headers = headers


def not_found(what: str) -> Refused:
    return Refused(HTTPStatus.NOT_FOUND, what)


def invalid(detail: str, *, field: str) -> Refused:
    return Refused(HTTPStatus.UNPROCESSABLE_ENTITY, detail, field=field)


def response(
    status: HTTPStatus, detail: str, *, field: str | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    problem = Problem(title=status.phrase, status=status, detail=detail, field=field)
    return JSONResponse(
        problem.model_dump(exclude_none=True), status_code=status, media_type=MEDIA_TYPE, headers=headers
    )


def answers(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """What a route may answer beside its own, for its description."""
    always = (HTTPStatus.UNAUTHORIZED, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE)
    return {
        status.value: {
            "description": status.phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in sorted({*statuses, *always})
    }


def install(app: FastAPI) -> None:
    """Let every error leave as a problem."""

    @app.exception_handler(Refused)
    async def on_refused(_: Request, error: Refused) -> Response:
        return response(error.status, error.detail, field=error.field, headers=error.headers)

    @app.exception_handler(RequestValidationError)
    async def on_invalid(_: Request, error: RequestValidationError) -> Response:
        return _invalid(error.errors())

    @app.exception_handler(HTTPException)
    async def on_http(_: Request, error: HTTPException) -> Response:
        return response(HTTPStatus(error.status_code), str(error.detail), headers=error.headers)

    @app.exception_handler(Unavailable)
    async def on_unavailable(_: Request, error: Unavailable) -> Response:
        log.warning("a request could not be served: %s", error)
        return response(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "the control plane's store or bus is away for the moment; send the same request again",
            headers={"Retry-After": str(RETRY_AFTER_S)},
        )

    @app.exception_handler(StoreRefused)
    async def on_store_refused(request: Request, _: StoreRefused) -> Response:
        log.warning("the store refused a value of %s", request.url.path)  # its own words may hold the value
        return response(HTTPStatus.UNPROCESSABLE_ENTITY, "the request holds a value that cannot be stored")


def _invalid(errors: Sequence[Any]) -> Response:
    """The first error. What was sent is not repeated: it may be a secret."""
    first = errors[0]
    place = [str(part) for part in first["loc"]]
    if first["type"] == "json_invalid":
        return response(HTTPStatus.BAD_REQUEST, f"the body is not JSON, at character {place[-1]}")
    where = ".".join(place[1:]) if place[0] in {"body", "query", "path", "header"} else ".".join(place)
    said = first["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    detail = f"{where}: {said}" if where else f"the body: {said}"
    return response(HTTPStatus.UNPROCESSABLE_ENTITY, detail, field=where or None)
