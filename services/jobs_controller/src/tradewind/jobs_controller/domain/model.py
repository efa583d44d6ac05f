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
    OnLoss,
    RankLevel,
    RankPhase,
    WorkflowLevel,
    WorkflowPhase,
)
from tradewind.common.contracts.values import (
    Demand,
    Recovery,
    Region,
    Replacement,
    Retention,
    Shape,
    Share,
)
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
    """One process of the present attempt, as far as its node has told. Started again alone, it is the same
    rank under its next incarnation.
    """

    rank: int
    role: str
    role_rank: int
    required: bool
    on_loss: OnLoss = OnLoss.GANG
    node: str
    """Empty while it waits for a new seat: nothing of it runs then. The next four tell of its last one."""
    address: str
    infra: str = ""
    region: str = ""
    share: Share
    leaves_at: datetime | None = None
    """Its node is taken away then. Noted only of a rank that has not ended."""
    incarnation: int = 0
    phase: RankPhase = RankPhase.WANTED
    exit_code: int | None = None
    reason: str = ""

    @property
    def seated(self) -> bool:
        return self.node != ""

    @property
    def ended(self) -> bool:
        return self.phase in ENDED_RANK_PHASES

    @property
    def started(self) -> bool:
        return self.phase in {RankPhase.RUNNING, RankPhase.EXITED}

    @property
    def done(self) -> bool:
        """It ended by itself, and well: what becomes of its node is no matter any more."""
        return self.phase is RankPhase.EXITED and self.exit_code == 0

    @property
    def lost(self) -> bool:
        """Its node has left it or is about to, which is nobody's failure: it shall run again."""
        return self.phase in {RankPhase.GONE, RankPhase.STOPPED} or (
            self.leaves_at is not None and not self.done
        )

    @property
    def why_lost(self) -> str:
        if self.leaves_at is not None:
            return f"node {self.node} is taken away by its infra at {self.leaves_at:%H:%M:%S} UTC"
        return f"node {self.node} of rank {self.rank} was lost"


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
    lost_in: tuple[Region, ...] = ()
    """Where the nodes were whose loss ended the last attempt."""
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
        return tuple(dict.fromkeys(rank.node for rank in self.ranks if rank.seated))

    @property
    def leaves_at(self) -> datetime | None:
        """When the first of its nodes that were noticed is taken away."""
        return min((rank.leaves_at for rank in self.ranks if rank.leaves_at is not None), default=None)

    @property
    def whole(self) -> bool:
        """Every rank has started, and none is about to lose its node."""
        return all(rank.started and not rank.lost for rank in self.ranks)

    @property
    def lacking(self) -> tuple[Rank, ...]:
        """The ranks that wait for new seats, while the others run."""
        return tuple(rank for rank in self.ranks if not rank.seated) if self.verdict is None else ()

    def replaces(self, rank: Rank) -> bool:
        """Whether this rank is started again alone when it loses its node.

        Not on a named cluster, which rarely has a node to spare: there the gang waits for the next cluster of
        that name.
        """
        return (
            rank.on_loss is OnLoss.RANK
            and self.phase is JobPhase.RUNNING
            and self.verdict is None
            and self.summary.cluster is None
        )

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
            demand=self.demand,
            ranks=tuple(
                RankLevel(
                    rank=rank.rank,
                    role=rank.role,
                    incarnation=rank.incarnation,
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
    def demand(self) -> Demand | None:
        """Seats for all of it while it is queued, later for the ranks that lack one."""
        if self.phase is JobPhase.QUEUED:
            shapes = tuple(role.shape for role in self.summary.roles for _ in range(role.count))
            return self._demand(shapes, lost_in=self.lost_in)
        if not self.lacking:
            return None
        shape_of = {role.name: role.shape for role in self.summary.roles}
        demand = self._demand(
            tuple(shape_of[rank.role] for rank in self.lacking),
            lost_in=tuple(
                dict.fromkeys(Region(infra=rank.infra, region=rank.region) for rank in self.lacking)
            ),
        )
        return demand.but(
            replacements=tuple(
                Replacement(rank=rank.rank, incarnation=rank.incarnation) for rank in self.lacking
            )
        )

    def _demand(self, shapes: tuple[Shape, ...], *, lost_in: tuple[Region, ...]) -> Demand:
        if self.summary.cluster is not None:
            return Demand(shapes=shapes, retention=Retention.NAMED, cluster=self.summary.cluster)
        eager = self.summary.recovery is Recovery.EAGER_NEXT_REGION
        return Demand(
            shapes=shapes,
            # An infra without regions has no other one to go to.
            avoid=tuple(one for one in lost_in if one.region) if eager else (),
            prefer=() if eager else lost_in,
            race=self.summary.race,
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
