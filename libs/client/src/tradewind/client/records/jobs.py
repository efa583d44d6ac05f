"""Jobs."""

from dataclasses import dataclass
from datetime import datetime

from tradewind.client.records.shapes import Shape

ENDED = frozenset({"succeeded", "failed", "cancelled"})
"""The phases in which a job is over."""


@dataclass(frozen=True, kw_only=True)
class Role:
    name: str
    count: int
    required: bool = True
    on_loss: str = "gang"
    shape: Shape


@dataclass(frozen=True, kw_only=True)
class Rank:
    """`incarnation` counts up each time that this rank alone is started again."""

    rank: int
    role: str
    incarnation: int = 0
    node: str
    address: str
    phase: str
    exit_code: int | None = None


@dataclass(frozen=True, kw_only=True)
class Submitted:
    """What was taken in: a job, or, where a count was given, a workflow of so many jobs (`kind`)."""

    id: str
    number: int
    kind: str
    workspace: str
    phase: str
    submitted_at: datetime


@dataclass(frozen=True, kw_only=True)
class JobInfo:
    """A job as it was at `observed_at`. Lists leave `ranks` and `cost_usd` out."""

    id: str
    number: int
    name: str
    workspace: str
    user: str
    phase: str
    attempt: int
    restarts: int
    version: int
    index: int | None = None
    workflow: str | None = None
    reason: str = ""
    max_restarts: int = 0
    priority: int = 0
    cluster: str | None = None
    size: int = 1
    roles: tuple[Role, ...] = ()
    submitted_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    exit_code: int | None = None
    spec_ref: str = ""
    ranks: tuple[Rank, ...] = ()
    cost_usd: float | None = None
    observed_at: datetime

    @property
    def ended(self) -> bool:
        return self.phase in ENDED

    @property
    def handle(self) -> str:
        """What people call it by: 7, or 7_3 for a member of an array."""
        return str(self.number) if self.index is None else f"{self.number}_{self.index}"


@dataclass(frozen=True, kw_only=True)
class Jobs:
    """A page of jobs, newest first. `next` asks for the following page; None at the end."""

    observed_at: datetime
    jobs: tuple[JobInfo, ...]
    next: str | None = None
