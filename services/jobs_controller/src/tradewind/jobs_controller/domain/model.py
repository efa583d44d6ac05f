"""Job and Workflow as the jobs controller keeps them."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from tradewind.common.contracts.base import Value
from tradewind.common.contracts.job import (
    ENDED_RANK_PHASES,
    TERMINAL_JOB_PHASES,
    TERMINAL_WORKFLOW_PHASES,
    JobLevel,
    JobPhase,
    JobSummary,
    RankLevel,
    RankPhase,
    WorkflowLevel,
    WorkflowPhase,
)
from tradewind.common.contracts.values import Demand, Retention, Share
from tradewind.common.reactor.aggregate import Aggregate


class Verdict(StrEnum):
    """What a job becomes once every rank of its attempt has ended."""

    SUCCEED = "succeed"
    FAIL = "fail"
    CANCEL = "cancel"
    RETRY = "retry"
    """It failed by itself, and may try again."""
    RECOVER = "recover"
    """It lost a node; that is nobody's failure and costs none of its retries."""


class Rank(Value):
    """One process of the present attempt, as far as its node has told."""

    rank: int
    role: str
    role_rank: int
    required: bool
    node: str
    address: str
    share: Share
    incarnation: int = 0
    phase: RankPhase = RankPhase.WANTED
    exit_code: int | None = None
    reason: str = ""

    @property
    def ended(self) -> bool:
        return self.phase in ENDED_RANK_PHASES


class Job(Aggregate):
    """One gang of roles. Its ranks are those of the present attempt; earlier ones have all ended."""

    kind: ClassVar[str] = "job"

    number: int
    index: int | None = None
    workflow: str | None = None
    user: str
    summary: JobSummary
    spec_ref: str
    phase: JobPhase
    reason: str = ""
    attempt: int = 1
    restarts: int = 0
    ranks: tuple[Rank, ...] = ()
    go: bool = False
    """The gang's barrier is open."""
    verdict: Verdict | None = None
    submitted_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    exit_code: int | None = None

    @property
    def phase_name(self) -> str:
        return self.phase.value

    @property
    def terminal(self) -> bool:
        return self.phase in TERMINAL_JOB_PHASES

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes under its ranks, each once, in rank order."""
        return tuple(dict.fromkeys(rank.node for rank in self.ranks))

    @property
    def level(self) -> JobLevel:
        return JobLevel(
            id=self.id,
            workspace=self.workspace,
            version=self.version,
            number=self.number,
            index=self.index,
            workflow=self.workflow,
            user=self.user,
            phase=self.phase,
            reason=self.reason,
            attempt=self.attempt,
            restarts=self.restarts,
            summary=self.summary,
            spec_ref=self.spec_ref,
            demand=self.demand if self.phase is JobPhase.QUEUED else None,
            ranks=tuple(
                RankLevel(
                    rank=rank.rank,
                    role=rank.role,
                    node=rank.node,
                    address=rank.address,
                    phase=rank.phase,
                    exit_code=rank.exit_code,
                )
                for rank in self.ranks
            ),
            submitted_at=self.submitted_at,
            started_at=self.started_at,
            ended_at=self.ended_at,
            exit_code=self.exit_code,
        )

    @property
    def demand(self) -> Demand:
        return Demand(
            shapes=tuple(role.shape for role in self.summary.roles for _ in range(role.count)),
            retention=Retention.NAMED if self.summary.cluster else Retention.JOB,
            cluster=self.summary.cluster,
        )


class Workflow(Aggregate):
    """An array of jobs of one spec. It submits them a chunk at a time: no step grows with its size."""

    kind: ClassVar[str] = "workflow"

    number: int
    user: str
    count: int
    summary: JobSummary
    spec_ref: str
    phase: WorkflowPhase
    expanded: int = 0
    """How many of its jobs were submitted."""
    cancelled: int = 0
    """How many of those were told to end."""
    submitted_at: datetime

    @property
    def phase_name(self) -> str:
        return self.phase.value

    @property
    def terminal(self) -> bool:
        return self.phase in TERMINAL_WORKFLOW_PHASES

    @property
    def level(self) -> WorkflowLevel:
        return WorkflowLevel(
            id=self.id,
            workspace=self.workspace,
            version=self.version,
            number=self.number,
            phase=self.phase,
            name=self.summary.name,
            count=self.count,
            expanded=self.expanded,
            submitted_at=self.submitted_at,
        )
