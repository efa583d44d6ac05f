"""The scripted clouds of this installation, seen and moved by hand: to practise an outage."""

from http import HTTPStatus

from fastapi import APIRouter, Request
from pydantic import Field, field_validator

from tradewind.common.bus.asking import Declined, ask
from tradewind.common.contracts.base import Value
from tradewind.common.contracts.mock import (
    FailMock,
    HealMock,
    MockCloudState,
    MockQuestion,
    MockReport,
    ReclaimMock,
    ShowMock,
)
from tradewind.common.durations import LONGEST_S
from tradewind.gateway.domain.submission import SOURCE
from tradewind.gateway.http.bodies import check_body
from tradewind.gateway.http.problems import Refused, answers, not_found
from tradewind.gateway.parts import Parts

OFF = (
    "no scripted cloud is on: name its script with `tw config set mock.script FILE` (or TRADEWIND_MOCK), "
    "and start the control plane again"
)


class Reclaim(Value, defer_build=False):
    node: str = Field(min_length=1, description="The id of a machine's node, or a beginning of it.")
    notice_s: float | None = Field(
        default=None, ge=0, le=LONGEST_S, description="None: as the script says. 0: without a word."
    )


class Fail(Value, defer_build=False):
    where: str = Field(min_length=1, description="A zone, a region, or an infra such as mock.")
    lasts_s: float | None = Field(default=None, gt=0, le=LONGEST_S, description="None: until it is healed.")

    @field_validator("lasts_s", mode="before")
    @classmethod
    def _some_time(cls, sent: object) -> object:
        if sent == 0:
            raise ValueError("0 is no time at all: write more, as in 300")
        return sent


class Heal(Value, defer_build=False):
    where: str | None = Field(default=None, min_length=1, description="None: all that is down.")


class MockClouds(Value):
    """Every scripted cloud as it is now."""

    clouds: tuple[MockCloudState, ...]
    did: tuple[str, ...] = Field(
        default=(), description="The nodes that it befell, or the places that it healed."
    )


REFUSALS = answers(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.BAD_REQUEST)


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["mock"], prefix="/v1/mock")

    async def answer(question: MockQuestion) -> MockClouds:
        try:
            report = await ask(parts.connection, question, MockReport, source=SOURCE)
        except Declined as why:
            raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, str(why)) from None
        if not report.on:
            raise Refused(HTTPStatus.CONFLICT, OFF)
        if report.refused:
            raise not_found(report.refused)
        return MockClouds(clouds=report.clouds, did=report.did)

    @router.get("", responses=answers(HTTPStatus.CONFLICT))
    async def show() -> MockClouds:
        """What runs in the scripted clouds, what is failing, and what was spent."""
        return await answer(ShowMock())

    @router.post("/reclaim", responses=REFUSALS)
    async def reclaim(body: Reclaim, request: Request) -> MockClouds:
        """Let a cloud take one machine away."""
        await check_body(request, body)
        return await answer(ReclaimMock(node=body.node, notice_s=body.notice_s))

    @router.post("/fail", responses=REFUSALS)
    async def fail(body: Fail, request: Request) -> MockClouds:
        """Let a zone, a region or a whole cloud go down, with all that runs there."""
        await check_body(request, body)
        return await answer(FailMock(where=body.where, lasts_s=body.lasts_s))

    @router.post("/heal", responses=REFUSALS)
    async def heal(body: Heal, request: Request) -> MockClouds:
        """Let what is down be up again."""
        await check_body(request, body)
        return await answer(HealMock(where=body.where))

    return router
