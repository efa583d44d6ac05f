"""What is shown of jobs and arrays."""

from datetime import datetime
from enum import StrEnum
from typing import Literal, Self

from pydantic import Field

from tradewind.common.contracts.base import Value
from tradewind.common.contracts.job import JobLevel, JobPhase, JobSummary, RankLevel, RoleSummary

SUBMITTED: Literal["submitted"] = "submitted"
"""Stored by the gateway; its owner has not spoken of it yet."""


class Kind(StrEnum):
    """What a submission makes."""

    JOB = "job"
    WORKFLOW = "workflow"


class JobItem(Value):
    """A job as a list shows it."""

    id: str
    workspace: str
    number: int = Field(description="What people call it by; counts up in its workspace.")
    index: int | None = Field(description="Its place in an array, whose number it shares.")
    workflow: str | None = Field(description="The array that it belongs to.")
    name: str
    user: str
    phase: JobPhase | Literal["submitted"]
    reason: str = Field(description="Why it waits or how it ended, in words.")
    attempt: int
    restarts: int
    max_restarts: int
    priority: int
    cluster: str | None = Field(description="The named cluster that it is pinned to.")
    size: int = Field(description="How many ranks it has.")
    roles: tuple[RoleSummary, ...]
    submitted_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    exit_code: int | None
    spec_ref: str
    version: int = Field(description="Of its owner's row; 0 while only submitted.")
    observed_at: datetime = Field(description="When the gateway took in this state.")

    @classmethod
    def of(cls, job: JobLevel, *, observed_at: datetime) -> Self:
        summary = job.summary
        return cls.model_construct(
            id=job.id,
            workspace=job.workspace,
            number=job.number,
            index=job.index,
            workflow=job.workflow,
            name=summary.name,
            user=job.user,
            phase=job.phase,
            reason=job.reason,
            attempt=job.attempt,
            restarts=job.restarts,
            max_restarts=summary.max_restarts,
            priority=summary.priority,
            cluster=summary.cluster,
            size=summary.ranks,
            roles=summary.roles,
            submitted_at=job.submitted_at,
            started_at=job.started_at,
            ended_at=job.ended_at,
            exit_code=job.exit_code,
            spec_ref=job.spec_ref,
            version=job.version,
            observed_at=observed_at,
        )

    @classmethod
    def submitted(
        cls, *, id: str, workspace: str, user: str, summary: JobSummary, spec_ref: str, at: datetime
    ) -> Self:
        """Before its owner has spoken; its number is set where it is counted."""
        return cls.model_construct(
            id=id,
            workspace=workspace,
            number=0,
            index=None,
            workflow=None,
            name=summary.name,
            user=user,
            phase=SUBMITTED,
            reason="",
            attempt=0,
            restarts=0,
            max_restarts=summary.max_restarts,
            priority=summary.priority,
            cluster=summary.cluster,
            size=summary.ranks,
            roles=summary.roles,
            submitted_at=at,
            started_at=None,
            ended_at=None,
            exit_code=None,
            spec_ref=spec_ref,
            version=0,
            observed_at=at,
        )


class Job(JobItem):
    """A job with its ranks, and what its nodes cost until now."""

    ranks: tuple[RankLevel, ...] = ()
    cost_usd: float = 0.0


class JobPage(Value):
    """Some jobs, newest first. `next` is the `after` of the page that follows; null on the last one."""

    jobs: tuple[JobItem, ...]
    next: str | None
    observed_at: datetime


class Workflow(Value):
    """An array of jobs, and how many of them are in which phase."""

    id: str
    workspace: str
    number: int
    name: str
    phase: str = Field(description="A WorkflowPhase, or `submitted`.")
    count: int
    expanded: int = Field(description="How many of its jobs were submitted so far.")
    jobs: dict[str, int] = Field(default_factory=dict, description="By phase, how many of its jobs.")
    submitted_at: datetime
    version: int
    observed_at: datetime
