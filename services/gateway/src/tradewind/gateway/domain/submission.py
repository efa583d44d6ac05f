"""What a submission becomes: a spec to keep, a row to show at once, and a command to its owner."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from tradewind.common.contracts.base import Value
from tradewind.common.contracts.envelope import Envelope
from tradewind.common.contracts.job import CancelArray, CancelJob, RestateJob, SubmitArray, SubmitJob
from tradewind.common.contracts.registry import Command
from tradewind.common.contracts.task import NAME_RULE, JobSpec
from tradewind.common.reactor.decision import derived_id
from tradewind.gateway.domain.job_views import SUBMITTED, JobItem, Kind

SOURCE = "tradewind/gateway"
Workspace = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")  # one token of a subject
]


class SubmitRequest(Value, defer_build=False):
    """What `POST /v1/jobs` takes."""

    spec: JobSpec
    priority: int = Field(default=0, ge=-1000, le=1000, description="Higher goes first.")
    max_restarts: int = Field(
        default=0, ge=0, le=10_000, description="How often to start again after a failure of the job's own."
    )
    cluster: Annotated[str, StringConstraints(pattern=NAME_RULE)] | None = Field(
        default=None, description="Run on the named cluster, which is brought up if there is none."
    )
    count: int | None = Field(
        default=None, ge=1, le=1_000_000, description="Submit an array of so many jobs; each knows its index."
    )

    @property
    def kind(self) -> Kind:
        return Kind.JOB if self.count is None else Kind.WORKFLOW

    def digest(self) -> bytes:
        """Equal for equal requests, however they were written."""
        plain = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(plain.encode()).digest()


@dataclass(frozen=True, slots=True)
class Submission:
    """What is stored of a request, in one transaction. Its number comes from the store."""

    id: str
    kind: Kind
    workspace: str
    at: datetime
    spec_ref: str
    spec: bytes
    command: SubmitJob | SubmitArray
    """With number 0."""
    shown: JobItem | Mapping[str, object]
    """The row of the read model, with number 0: of a job, or of an array."""
    traceparent: str = ""


def submission(
    request: SubmitRequest, *, id: str, workspace: str, user: str, at: datetime, key: bytes, traceparent: str
) -> Submission:
    """`key` is the installation's: see `spec_ref`."""
    spec = request.spec.model_dump_json().encode()
    ref = spec_ref(spec, workspace=workspace, key=key)
    summary = request.spec.summary(
        priority=request.priority, max_restarts=request.max_restarts, cluster=request.cluster
    )
    if request.count is None:
        command = SubmitJob(
            id=id, workspace=workspace, number=0, user=user, summary=summary, spec_ref=ref, submitted_at=at
        )
        shown = JobItem.submitted(id=id, workspace=workspace, user=user, summary=summary, spec_ref=ref, at=at)
    else:
        command = SubmitArray(
            id=id,
            workspace=workspace,
            number=0,
            user=user,
            count=request.count,
            summary=summary,
            spec_ref=ref,
            submitted_at=at,
        )
        shown = {
            "id": id,
            "workspace": workspace,
            "number": 0,
            "version": 0,
            "phase": SUBMITTED,
            "name": summary.name,
            "count": request.count,
            "expanded": 0,
            "submitted_at": at.isoformat(),
        }
    return Submission(id, request.kind, workspace, at, ref, spec, command, shown, traceparent)


def spec_ref(spec: bytes, *, workspace: str, key: bytes) -> str:
    """Equal specs of a workspace are kept once. The key is there because refs are public, in events: without
    it, whoever guesses a spec with its secrets could see from a plain hash that the guess was right.
    """
    return hmac.digest(key, workspace.encode() + b"\0" + spec, "sha256").hex()


def submit_envelope(command: Command, *, traceparent: str, time: datetime) -> Envelope:
    """The same id each time: the bus drops a repetition within its window, its owner ignores a later one."""
    return _envelope(command, derived_id(command.id, "submit"), traceparent=traceparent, time=time)


def cancel_envelope(
    kind: Kind, id: str, *, workspace: str, reason: str, traceparent: str, time: datetime
) -> Envelope:
    """Ask for the end of a job or an array. Asking again is harmless."""
    contract = CancelJob if kind is Kind.JOB else CancelArray
    message = contract(id=id, workspace=workspace, **({"reason": reason} if contract is CancelJob else {}))
    return _envelope(message, derived_id(id, "cancel", time.isoformat()), traceparent=traceparent, time=time)


def restate_envelope(id: str, *, workspace: str, traceparent: str, time: datetime) -> Envelope:
    """Ask the owner of a job to say again how it is."""
    return _envelope(
        RestateJob(id=id, workspace=workspace),
        derived_id(id, "restate", time.isoformat()),
        traceparent=traceparent,
        time=time,
    )


def _envelope(command: Command, envelope_id: str, *, traceparent: str, time: datetime) -> Envelope:
    return Envelope(
        id=envelope_id,
        message=command,
        source=SOURCE,
        time=time,
        correlation=command.id,
        traceparent=traceparent,
    )
