"""Submit, list, show and cancel jobs and arrays."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Body, Header, Query, Request
from pydantic import Field
from starlette.responses import Response

from tradewind.common.contracts.base import Value
from tradewind.common.contracts.job import TERMINAL_JOB_PHASES
from tradewind.common.runtime.ids import new_uuid7
from tradewind.gateway.domain.cloud_events import Timeline
from tradewind.gateway.domain.costs import JobCost
from tradewind.gateway.domain.job_views import SUBMITTED, Job, JobPage, Kind, Workflow
from tradewind.gateway.domain.submission import SubmitRequest, submission
from tradewind.gateway.http.bodies import check_body
from tradewind.gateway.http.parameters import DEFAULT_WORKSPACE, InWorkspace, JobReference, traceparent_of
from tradewind.gateway.http.problems import Refused, answers, invalid, not_found
from tradewind.gateway.job_pages import BadCursor, PageQuery
from tradewind.gateway.job_reads import Found
from tradewind.gateway.parts import Parts
from tradewind.gateway.submission_store import KeyReused

MAX_RANKS = 10_000
JOBS, WORKFLOWS = "/v1/jobs", "/v1/workflows"

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[\x21-\x7e]{1,200}$",
        description="The same key and body give the same answer, for a week. Without it, every call is new.",
    ),
]


class Submitted(Value):
    """What a submission became. It lies with the jobs controller: it will run."""

    id: str
    number: int
    kind: Kind
    ref: str = Field(description="Where it is shown.")
    workspace: str
    phase: Literal["submitted"] = SUBMITTED
    submitted_at: datetime


class CancelRequest(Value, defer_build=False):
    reason: str = Field(default="cancelled by its user", min_length=1, max_length=500)


class Cancelled(Value):
    """The wish was taken in; `phase` tells how far the thing was then."""

    id: str
    kind: Kind
    number: int
    phase: str


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["jobs"])

    @router.post(
        "/v1/jobs",
        status_code=HTTPStatus.CREATED,
        response_model=Submitted,
        responses=answers(HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    )
    async def submit(
        *,
        body: SubmitRequest,
        request: Request,
        workspace: InWorkspace = DEFAULT_WORKSPACE,
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        """Run a job, or with `count` an array of jobs of one spec.

        The answer comes once the submission is stored and lies in the stream of the jobs controller: from
        then on it survives the loss of any process. A work directory is uploaded as a blob before.
        """
        await check_body(request, body)
        _check(body, parts)
        id = new_uuid7()
        wish = submission(
            body,
            id=id,
            workspace=workspace,
            user=parts.user,
            at=parts.clock.now(),
            key=parts.grant_key,
            traceparent=traceparent_of(request),
        )
        try:
            accepted = await parts.submitting.submit(
                wish, key=idempotency_key or f"-{id}", digest=body.digest()
            )
        except KeyReused as why:
            raise Refused(HTTPStatus.CONFLICT, str(why), field="Idempotency-Key") from None
        ref = f"{JOBS if accepted.kind is Kind.JOB else WORKFLOWS}/{accepted.id}"
        answer = Submitted(
            id=accepted.id,
            number=accepted.number,
            kind=accepted.kind,
            ref=ref,
            workspace=workspace,
            submitted_at=accepted.at,
        )
        return Response(
            answer.model_dump_json(),
            status_code=HTTPStatus.CREATED,
            media_type="application/json",
            headers={"Location": ref},
        )

    @router.get("/v1/jobs", response_model=JobPage, responses=answers())
    async def page(query: Annotated[PageQuery, Query()]) -> Response:
        """Jobs, newest first."""
        try:
            shown = await parts.pages.page(query, observed_at=parts.projector.complete_until())
        except BadCursor as why:
            raise invalid(str(why), field="after") from None
        return Response(shown, media_type="application/json")

    @router.get("/v1/jobs/{job}", responses=answers(HTTPStatus.NOT_FOUND))
    async def show(job: JobReference, workspace: InWorkspace = DEFAULT_WORKSPACE) -> Job:
        """One job, with its ranks and its cost so far."""
        found = await find_job(parts, job, workspace=workspace)
        shown = await parts.jobs.job(found.id, now=parts.clock.now())
        if shown is None:
            raise _no_job(job)
        return shown

    @router.post(
        "/v1/jobs/{job}/cancel",
        status_code=HTTPStatus.ACCEPTED,
        responses=answers(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND),
    )
    async def cancel(
        *,
        job: JobReference,
        request: Request,
        body: Annotated[CancelRequest, Body(default_factory=CancelRequest)],
        workspace: InWorkspace = DEFAULT_WORKSPACE,
    ) -> Cancelled:
        """End a job, or an array with all of its jobs, at whatever stage it is. What is over stays so."""
        await check_body(request, body)
        found = await find(parts, job, workspace=workspace)
        if found.phase not in TERMINAL_JOB_PHASES:
            await parts.submitting.cancel(
                found.kind,
                found.id,
                workspace=workspace,
                reason=body.reason,
                traceparent=traceparent_of(request),
            )
        return Cancelled(id=found.id, kind=found.kind, number=found.number, phase=found.phase)

    @router.get("/v1/jobs/{job}/events", responses=answers(HTTPStatus.NOT_FOUND))
    async def timeline(job: JobReference, workspace: InWorkspace = DEFAULT_WORKSPACE) -> Timeline:
        """What happened to a job or an array, and for it, in order."""
        found = await find(parts, job, workspace=workspace)
        return Timeline(
            events=tuple(await parts.jobs.timeline(found.id)), observed_at=parts.projector.complete_until()
        )

    @router.get("/v1/costs/jobs/{job}", responses=answers(HTTPStatus.NOT_FOUND))
    async def costs(job: JobReference, workspace: InWorkspace = DEFAULT_WORKSPACE) -> JobCost:
        """What each seat of a job cost so far: its time on the node, times its share of the node's price."""
        found = await find_job(parts, job, workspace=workspace)
        return await parts.jobs.cost(found.id, now=parts.clock.now())

    @router.get("/v1/workflows/{workflow}", responses=answers(HTTPStatus.NOT_FOUND))
    async def workflow(workflow: JobReference, workspace: InWorkspace = DEFAULT_WORKSPACE) -> Workflow:
        """An array of jobs, and how many of them are in which phase."""
        found = await find(parts, workflow, workspace=workspace)
        shown = await parts.jobs.workflow(found.id) if found.kind is Kind.WORKFLOW else None
        if shown is None:
            raise not_found(f"there is no array {workflow!r} in this workspace")
        return shown

    return router


async def find(parts: Parts, reference: str, *, workspace: str) -> Found:
    """Raises Refused (404)."""
    found = await parts.jobs.find(reference, workspace=workspace)
    if found is None:
        raise _no_job(reference)
    return found


async def find_job(parts: Parts, reference: str, *, workspace: str) -> Found:
    """Not an array. Raises Refused (404)."""
    found = await find(parts, reference, workspace=workspace)
    if found.kind is not Kind.JOB:
        raise not_found(
            f"{reference} is an array: name one of its jobs, such as {found.number}_0, or see {WORKFLOWS}/…"
        )
    return found


def _no_job(reference: str) -> Refused:
    return not_found(f"there is no job {reference!r} in this workspace")


def _check(body: SubmitRequest, parts: Parts) -> None:
    """Raises Refused (422) for what no single field shows."""
    ranks = sum(role.count for role in body.spec.roles)
    if ranks > MAX_RANKS:
        raise invalid(f"spec.roles: {ranks} ranks; a job has at most {MAX_RANKS}", field="spec.roles")
    workdir = body.spec.workdir
    if workdir is not None and parts.blobs.size(workdir) is None:
        raise invalid(
            "spec.workdir: there is no such blob here; upload it first (POST /v1/blobs)", field="spec.workdir"
        )
