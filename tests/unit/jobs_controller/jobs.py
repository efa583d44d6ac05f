"""A job that is taken through its life by what it hears."""

from datetime import UTC, datetime, timedelta

from tradewind.common.contracts.allocation import (
    AllocationBroken,
    AllocationGranted,
    AllocationLeaving,
    AllocationLevel,
    AllocationPhase,
    Seat,
)
from tradewind.common.contracts.job import JobEvent, JobPhase, JobSummary, RankPhase, RoleSummary, SubmitJob
from tradewind.common.contracts.rank import AllocationWant, Goal, RankSaid
from tradewind.common.contracts.values import Fence, Shape, Share
from tradewind.common.reactor.decision import Ctx, Decision
from tradewind.jobs_controller.domain import decide
from tradewind.jobs_controller.domain.model import Job

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CTX = Ctx(now=NOW, cause="input")
LEAVES_AT = NOW + timedelta(minutes=2)


def sign(grant: object) -> str:
    return "signed"


def submitted(
    ranks: int = 1, *, max_restarts: int = 0, roles: tuple[RoleSummary, ...] = (), **asked: object
) -> Job:
    summary = JobSummary(
        name="train",
        roles=roles or (RoleSummary(name="main", count=ranks, shape=Shape()),),
        max_restarts=max_restarts,
    ).but(**asked)
    command = SubmitJob(
        id="j", workspace="w", number=1, user="u", summary=summary, spec_ref="s", submitted_at=NOW
    )
    return state(decide.submit(None, command, CTX))


def state(decision: Decision[Job]) -> Job:
    assert decision.state is not None
    return decision.state


def said(
    job: Job, rank: int, phase: RankPhase, code: int | None = None, *, attempt: int | None = None
) -> RankSaid:
    known = job.ranks[rank] if rank < len(job.ranks) and job.ranks[rank].seated else None
    fence = Fence(
        job="j",
        attempt=attempt or job.attempt,
        rank=rank,
        incarnation=known.incarnation if known is not None else 0,
    )
    node = known.node if known is not None else f"n{rank}"
    return RankSaid(node=node, fence=fence, phase=phase, exit_code=code, started_at=NOW)


def allocation(
    job: Job,
    phase: AllocationPhase,
    *,
    gone: tuple[int, ...] = (),
    leaving: tuple[int, ...] = (),
    leaves_at: datetime = LEAVES_AT,
) -> AllocationLevel:
    """Each rank on a node of its own; those of even ranks in the east, of odd ones in the west."""
    seats = tuple(
        Seat(
            rank=rank,
            incarnation=0,
            node=f"n{rank}",
            address=f"127.0.0.{rank + 1}",
            cluster="c",
            infra="cloud",
            region="west" if rank % 2 else "east",
            share=Share(cpus=1),
            gone=rank in gone,
            leaves_at=leaves_at if rank in leaving else None,
        )
        for rank in range(job.summary.ranks)
    )
    return AllocationLevel(id="j", workspace="w", version=1, attempt=job.attempt, phase=phase, seats=seats)


def grant(job: Job) -> Decision[Job]:
    heard = AllocationGranted.of(allocation(job, AllocationPhase.GRANTED))
    return decide.observe_allocation(job, heard, CTX, sign=sign)


def hear(job: Job, *heard: tuple[int, RankPhase] | tuple[int, RankPhase, int]) -> Decision[Job]:
    decision: Decision[Job] = Decision(job)
    for rank, phase, *code in heard:
        present = decision.state or job
        decision = decide.observe_rank(
            present, said(present, rank, phase, code[0] if code else None), CTX, sign=sign
        )
        job = decision.state or job
    return decision


def notice(job: Job, *leaving: int, leaves_at: datetime = LEAVES_AT) -> Decision[Job]:
    """The nodes of these ranks are to be taken away."""
    level = allocation(job, AllocationPhase.GRANTED, leaving=leaving, leaves_at=leaves_at)
    return decide.observe_allocation(job, AllocationLeaving.of(level), CTX, sign=sign)


def lose(job: Job, *gone: int) -> Decision[Job]:
    """The nodes of these ranks are gone."""
    level = allocation(job, AllocationPhase.BROKEN, gone=gone)
    return decide.observe_allocation(job, AllocationBroken.of(level), CTX, sign=sign)


def running(
    ranks: int = 1, *, max_restarts: int = 0, roles: tuple[RoleSummary, ...] = (), **asked: object
) -> Job:
    job = state(grant(submitted(ranks, max_restarts=max_restarts, roles=roles, **asked)))
    for phase in (RankPhase.PREPARED, RankPhase.RUNNING):
        for rank in range(job.summary.ranks):
            job = hear(job, (rank, phase)).state or job
    assert job.phase is JobPhase.RUNNING
    return job


def told(decision: Decision[Job]) -> list[str]:
    return [message.name for message in decision.publish if isinstance(message, JobEvent)]


def goals(decision: Decision[Job]) -> list[Goal]:
    return [message.goal for message in decision.publish if isinstance(message, AllocationWant)]


def wants(decision: Decision[Job]) -> dict[str, AllocationWant]:
    return {message.node: message for message in decision.publish if isinstance(message, AllocationWant)}
