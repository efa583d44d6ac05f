"""The HTTP application: its routes, its errors, what stands before them, its description (OpenAPI 3.1)."""

from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp

from tradewind.common.telemetry.http import traced
from tradewind.common.telemetry.spans import tracer_of
from tradewind.gateway.http import blobs, infra, jobs, mock, operations, problems, streams
from tradewind.gateway.http.guard import Guard
from tradewind.gateway.parts import Parts
from tradewind.gateway.wiring import SERVICE

ROUTES = (jobs.routes, streams.routes, blobs.routes, infra.routes, mock.routes, operations.routes)

DESCRIPTION = """
Submit jobs, follow them, and see what they run on. Every call but `GET /v1/health` carries
`Authorization: Bearer <token>`. Things live in workspaces (`?workspace=`). Times are in UTC, money in USD,
memory in GiB. Errors are problem+json. What changes something answers once the wish is stored durably; what
comes of it is seen in the views and told by events.
"""


def describe(parts: Parts) -> FastAPI:
    """The routes alone, with nothing before them."""
    app = FastAPI(
        title="Tradewind",
        version="1",
        description=DESCRIPTION,
        docs_url=None,  # its pages load scripts from elsewhere, and could not send a token
        redoc_url=None,
        openapi_url="/v1/openapi.json",
        redirect_slashes=False,
        strict_content_type=False,  # `curl -d` says something else, and there are no cookies to be misused
    )
    for routes in ROUTES:
        app.include_router(routes(parts))
    problems.install(app)
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        """Made when it is first asked for."""
        return _completed(plain())

    app.openapi = openapi
    return app


def create(parts: Parts, *, token: str) -> ASGIApp:
    """The whole, as it is served."""
    return traced(Guard(describe(parts), token=token), tracer_of(SERVICE))


def _completed(description: dict[str, Any]) -> dict[str, Any]:
    """With what routes cannot say of themselves: the token, and the shape of problems."""
    components: dict[str, Any] = description.setdefault("components", {})
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    components.setdefault("schemas", {})["Problem"] = problems.Problem.model_json_schema()
    description["security"] = [{"token": []}]
    return description
