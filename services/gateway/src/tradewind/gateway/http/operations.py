"""How the control plane itself is: health, progress of its services, dead letters."""

import json
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field, JsonValue
from starlette.responses import JSONResponse, Response

from tradewind.common.bus.dead_letter_box import NoSuchLetter
from tradewind.common.bus.dead_letters import DeadLetter
from tradewind.common.contracts.base import Value
from tradewind.gateway.http.problems import Refused, answers, not_found
from tradewind.gateway.parts import Parts
from tradewind.gateway.progress import Progress, progress
from tradewind.gateway.redriving import NotAnOperator, redrive


class Health(Value):
    ready: bool
    why: str = Field(description="What is missing; empty when ready.")


class Status(Value):
    services: tuple[Progress, ...]
    observed_at: datetime


class Letter(Value):
    """An input that its service could not take."""

    seq: int
    service: str
    why: str
    type: str
    about: str = Field(description="The id of the thing that it was about.")
    subject: str
    time: datetime
    body: JsonValue = Field(description="As JSON where it is; otherwise as text.")


class LetterList(Value):
    letters: tuple[Letter, ...]
    observed_at: datetime


class Redriven(Value):
    seq: int
    subject: str


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["operations"])

    @router.get(
        "/v1/health",
        response_model=Health,
        responses={503: {"model": Health, "description": "Not ready"}},
        openapi_extra={"security": []},
    )
    async def health() -> Response:
        """Whether this gateway does its work. Needs no token."""
        why = missing(parts)
        status = HTTPStatus.SERVICE_UNAVAILABLE if why else HTTPStatus.OK
        return JSONResponse(Health(ready=not why, why=why).model_dump(), status_code=status)

    @router.get("/v1/status", responses=answers())
    async def status() -> Status:
        """How far each service has read the streams that it hears."""
        return Status(services=tuple(await progress(parts.connection)), observed_at=parts.clock.now())

    @router.get("/v1/dead-letters", responses=answers())
    async def dead_letters(limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> LetterList:
        """Inputs that a service set aside because it could not take them, newest first."""
        letters = await parts.letters.newest(limit)
        return LetterList(letters=tuple(_letter(one) for one in letters), observed_at=parts.clock.now())

    @router.post(
        "/v1/dead-letters/{seq}/redrive",
        status_code=HTTPStatus.ACCEPTED,
        responses=answers(HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN),
    )
    async def send_again(seq: Annotated[int, Path(ge=1, le=2**53)]) -> Redriven:
        """Give an input to its service again, once the cause is mended. It may wake a parked row."""
        try:
            letter = await redrive(seq, operator_url=parts.operator_url)
        except NoSuchLetter as why:
            raise not_found(str(why)) from None
        except NotAnOperator as why:
            raise Refused(HTTPStatus.FORBIDDEN, str(why)) from None
        return Redriven(seq=seq, subject=letter.subject)

    return router


def missing(parts: Parts) -> str:
    """What keeps this gateway from its work; empty if nothing does."""
    if not parts.connection.up:
        return "the bus is away"
    if not parts.projector.well:
        return "the read model cannot be kept"
    return ""


def _letter(letter: DeadLetter) -> Letter:
    headers = letter.packet.headers
    return Letter(
        seq=letter.sequence,
        service=letter.service,
        why=letter.reason,
        type=headers.get("ce-type", ""),
        about=headers.get("ce-subject", ""),
        subject=letter.subject,
        time=letter.at,
        body=_body(letter.packet.body),
    )


def _body(raw: bytes) -> JsonValue:
    try:
        return json.loads(raw, parse_constant=str)
    except (ValueError, RecursionError):
        return raw.decode(errors="replace")
