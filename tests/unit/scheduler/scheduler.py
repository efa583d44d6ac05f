"""The scheduler as its leader would run it, and what it hears."""

from datetime import UTC, datetime, timedelta

from tradewind.common.contracts.allocation import (
    ClaimPhase,
)
from tradewind.common.contracts.envelope import Envelope
from tradewind.common.contracts.job import (
    JobCancelled,
    JobLevel,
    JobPhase,
    JobQueued,
    JobSucceeded,
    JobSummary,
    RoleSummary,
)
from tradewind.common.contracts.node import (
    ClusterLevel,
    ClusterPhase,
    NodeLevel,
    NodePhase,
    NodeReady,
)
from tradewind.common.contracts.registry import Event, Message
from tradewind.common.contracts.values import Demand, Place, Retention, Room, Shape
from tradewind.common.reactor.aggregate import Aggregate, Ref
from tradewind.common.reactor.fold import Outcome, fold_batch
from tradewind.common.reactor.wiring import Alarm
from tradewind.scheduler.domain.model import Allocation, Claim
from tradewind.scheduler.wiring import wiring

START = datetime(2026, 1, 1, tzinfo=UTC)
GRACE = timedelta(seconds=60)


class Scheduler:
    """The scheduler as its leader would run it: rows in memory, a batch at a time."""

    def __init__(self) -> None:
        self.wiring = wiring(GRACE)
        self.rows: dict[Ref, Aggregate] = {}
        self.now = START
        assert self.wiring.planner is not None
        self.planner = self.wiring.planner(())
        self._count = 0

    def hear(self, *messages: Message) -> Outcome:
        outcome = fold_batch(
            self.wiring,
            self.rows,
            [self._envelope(one) for one in messages],
            now=self.now,
            planner=self.planner,
        )
        assert not outcome.refusals, outcome.refusals
        self.rows.update(outcome.rows)
        return outcome

    def wake(self, seconds: float) -> Outcome:
        self.now += timedelta(seconds=seconds)
        due = [row for row in self.rows.values() if row.wake_at is not None and row.wake_at <= self.now]
        return self.hear(*(Alarm(kind=row.kind, id=row.id) for row in due))

    def allocation(self, job: str) -> Allocation:
        row = self.rows[Ref("allocation", job)]
        assert isinstance(row, Allocation)
        return row

    def claims(self, phase: ClaimPhase | None = None) -> list[Claim]:
        rows = [row for row in self.rows.values() if isinstance(row, Claim)]
        return [row for row in rows if phase is None or row.phase is phase]

    def nodes_of(self, *jobs: str) -> list[str]:
        return [seat.node for job in jobs for seat in self.allocation(job).seats]

    def _envelope(self, message: Message) -> Envelope:
        self._count += 1
        return Envelope(id=f"m{self._count}", message=message, source="test", time=self.now, correlation="")


def job(
    name: str, *, ranks: int = 1, cpus: float = 1, priority: int = 0, at: int = 0, **level: object
) -> JobLevel:
    cluster = level.pop("cluster", None)
    summary = JobSummary(
        name=name,
        roles=(RoleSummary(name="main", count=ranks, shape=Shape(cpus=cpus)),),
        priority=priority,
        cluster=str(cluster) if cluster else None,
    )
    demand = Demand(
        shapes=(Shape(cpus=cpus),) * ranks,
        cluster=summary.cluster,
        retention=Retention.NAMED if cluster else Retention.JOB,
    )
    queued = JobLevel(
        id=name,
        workspace="w",
        version=1,
        number=1,
        user="u",
        phase=JobPhase.QUEUED,
        attempt=1,
        restarts=0,
        summary=summary,
        spec_ref="s",
        demand=demand,
        submitted_at=START + timedelta(seconds=at),
    )
    return queued.but(**level)


def queued(name: str, **asked: object) -> JobQueued:
    return JobQueued.of(job(name, **asked))  # type: ignore[arg-type] # pytest-local sugar


def succeeded(name: str) -> JobSucceeded:
    return JobSucceeded.of(job(name, version=9, phase=JobPhase.SUCCEEDED, demand=None))


def cancelled(name: str) -> JobCancelled:
    return JobCancelled.of(job(name, version=9, phase=JobPhase.CANCELLED, demand=None))


def node(
    name: str, claim: str, *, cpus: float = 1, phase: NodePhase = NodePhase.READY, version: int = 1
) -> NodeLevel:
    room = Room(cpus=cpus, memory_gib=4)
    return NodeLevel(
        id=name,
        workspace="w",
        version=version,
        phase=phase,
        cluster="c",
        claim=claim,
        place=Place(infra="local", instance_type="local", room=room, price_usd_h=0),
        instance=name,
        address="127.0.0.2",
        room=room,
        launched_at=START,
    )


def cluster(claim: str, *, version: int = 1) -> ClusterLevel:
    return ClusterLevel(
        id="c",
        workspace="w",
        version=version,
        phase=ClusterPhase.TERMINATED,
        claim=claim,
        generation=1,
        name=None,
        retention=Retention.JOB,
        count=2,
    )


def ready(name: str, claim: str, *, cpus: float = 1) -> NodeReady:
    return NodeReady.of(node(name, claim, cpus=cpus))


def told(outcome: Outcome) -> list[str]:
    return [
        f"{one.message.noun}.{one.message.name}" for one in outcome.outbox if isinstance(one.message, Event)
    ]


def with_node(cpus: float = 1) -> tuple[Scheduler, str]:
    """A scheduler with one node, granted to the job `first`."""
    scheduler = Scheduler()
    scheduler.hear(queued("first"))
    (claim,) = scheduler.claims()
    scheduler.hear(ready("n", claim.id, cpus=cpus))
    assert scheduler.nodes_of("first") == ["n"]
    return scheduler, claim.id
