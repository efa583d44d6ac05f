"""Job and Workflow: owned by the jobs controller."""

from datetime import datetime
from enum import StrEnum
from typing import Self

from pydantic import Field

from tradewind.common.contracts.base import Value
from tradewind.common.contracts.registry import Command, Event, Level
from tradewind.common.contracts.values import Demand, Recovery, Shape


class JobPhase(StrEnum):
    QUEUED = "queued"
    """Waits for an allocation of its current attempt."""
    STARTING = "starting"
    """Has an allocation; ranks are being prepared, then started together."""
    RUNNING = "running"
    RECOVERING = "recovering"
    """A node was lost or a rank failed with retries left; the other ranks are being stopped."""
    FINISHING = "finishing"
    """Its outcome is decided; ranks that still run are being stopped."""
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


TERMINAL_JOB_PHASES = frozenset({JobPhase.SUCCEEDED, JobPhase.FAILED, JobPhase.CANCELLED})


class RankPhase(StrEnum):
    WANTED = "wanted"
    PREPARED = "prepared"
    RUNNING = "running"
    EXITED = "exited"
    """It ended by itself, with an exit code."""
    STOPPED = "stopped"
    """It was stopped, or never started, and will not start: its node says so."""
    GONE = "gone"
    """Its node is gone: the infra says so."""


ENDED_RANK_PHASES = frozenset({RankPhase.EXITED, RankPhase.STOPPED, RankPhase.GONE})


class OnLoss(StrEnum):
    """What is started again when a rank of a role has lost its node."""

    GANG = "gang"
    RANK = "rank"
    """It alone, on another node, while the others run on. For work that takes members in again."""


class RoleSummary(Value):
    """The public part of a role. The job is over when every rank of its `required` roles has exited."""

    name: str
    count: int = Field(ge=1)
    shape: Shape
    required: bool = True
    on_loss: OnLoss = OnLoss.GANG


class JobSummary(Value):
    """What may be told of a job's spec: never its environment, commands or secrets."""

    name: str
    roles: tuple[RoleSummary, ...]
    priority: int = Field(default=0, ge=-1000, le=1000)
    max_restarts: int = Field(default=0, ge=0)
    """How often the job is started again after a failure of its own (losses of nodes do not count)."""
    cluster: str | None = None
    """The named cluster it is pinned to."""
    recovery: Recovery = Recovery.EAGER_NEXT_REGION
    race: int = Field(default=1, ge=1, le=8)
    """How many places are tried at once for its nodes."""

    @property
    def ranks(self) -> int:
        return sum(role.count for role in self.roles)


class RankLevel(Value):
    """The public state of one rank of the current attempt."""

    rank: int
    role: str
    incarnation: int = 0
    """Counts up each time this rank alone is started again."""
    node: str
    """Empty while it lacks a seat."""
    address: str
    """Of one that lacks a seat, its last one."""
    phase: RankPhase
    exit_code: int | None = None


class JobLevel(Level):
    """The public state of a job."""

    number: int
    """What people call it by; counts up in its workspace."""
    index: int | None = None
    """Its place in an array."""
    workflow: str | None = None
    user: str
    phase: JobPhase
    reason: str = ""
    attempt: int
    restarts: int
    summary: JobSummary
    spec_ref: str
    demand: Demand | None = None
    """What it asks of the scheduler: while queued, and while some of its ranks have lost their seats."""
    ranks: tuple[RankLevel, ...] = ()
    submitted_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    exit_code: int | None = None


class JobEvent(Event, owner="jobs_controller", noun="job"):
    job: JobLevel

    @property
    def level(self) -> JobLevel:
        return self.job

    @classmethod
    def of(cls, job: JobLevel) -> Self:
        return cls(job=job)


class JobQueued(JobEvent, name="queued"):
    """It waits for an allocation: newly submitted, or for its next attempt."""


class JobStarting(JobEvent, name="starting"):
    """It was given nodes; its ranks are being prepared."""


class JobReplacing(JobEvent, name="replacing"):
    """Some ranks lose their nodes and are started again alone; the others run on. Told when that is known
    of one (it is stopped, where there is time for that), and when it asks for another node.
    """


class JobRunning(JobEvent, name="running"):
    """Every rank of its gang has started; told again when some were replaced and have started too."""


class JobRecovering(JobEvent, name="recovering"):
    """It lost a node, or failed with retries left; what still runs of this attempt is being stopped."""


class JobFinishing(JobEvent, name="finishing"):
    """Its outcome is decided; what still runs is being stopped."""


class JobCancelling(JobEvent, name="cancelling"):
    """Somebody asked for its end; stops are not yet confirmed."""


class JobSucceeded(JobEvent, name="succeeded"):
    pass


class JobFailed(JobEvent, name="failed"):
    pass


class JobCancelled(JobEvent, name="cancelled"):
    pass


class JobRestated(JobEvent, name="restated"):
    """Nothing happened: the owner repeats its level because somebody may have missed it."""


class SubmitJob(Command, owner="jobs_controller", name="submit"):
    """Run a job. Idempotent: the id is the caller's."""

    number: int
    index: int | None = None
    workflow: str | None = None
    user: str
    summary: JobSummary
    spec_ref: str
    submitted_at: datetime


class CancelJob(Command, owner="jobs_controller", name="cancel"):
    """End a job, at whatever stage it is. Cancelling a finished job changes nothing."""

    reason: str = "cancelled by its user"


class RestateJob(Command, owner="jobs_controller", name="restate"):
    """Say the level of a job again."""


class WorkflowPhase(StrEnum):
    EXPANDING = "expanding"
    """Not all of its jobs have been submitted yet."""
    EXPANDED = "expanded"
    """All of its jobs were submitted; it stays so that the array can be cancelled as one."""
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    CLOSED = "closed"
    """Long expanded; only its jobs remain."""


TERMINAL_WORKFLOW_PHASES = frozenset({WorkflowPhase.CANCELLED, WorkflowPhase.CLOSED})


class WorkflowLevel(Level):
    """The public state of an array of jobs: how many there are to be, and how many were submitted."""

    number: int
    phase: WorkflowPhase
    name: str
    count: int
    expanded: int
    submitted_at: datetime


class WorkflowEvent(Event, owner="jobs_controller", noun="workflow"):
    workflow: WorkflowLevel

    @property
    def level(self) -> WorkflowLevel:
        return self.workflow

    @classmethod
    def of(cls, workflow: WorkflowLevel) -> Self:
        return cls(workflow=workflow)


class WorkflowExpanding(WorkflowEvent, name="expanding"):
    pass


class WorkflowExpanded(WorkflowEvent, name="expanded"):
    """Every job of it was submitted; what becomes of them is told job by job."""


class WorkflowCancelling(WorkflowEvent, name="cancelling"):
    """No further job of it will be submitted; those that were are being cancelled."""


class WorkflowCancelled(WorkflowEvent, name="cancelled"):
    """Every job of it was told to end."""


class WorkflowClosed(WorkflowEvent, name="closed"):
    pass


class SubmitArray(Command, owner="jobs_controller", name="submit_array"):
    """Run `count` jobs of one spec; each knows its index."""

    number: int
    user: str
    count: int = Field(ge=1, le=1_000_000)
    summary: JobSummary
    spec_ref: str
    submitted_at: datetime


class CancelArray(Command, owner="jobs_controller", name="cancel_array"):
    """End an array: no further job is submitted, those that were are cancelled."""
