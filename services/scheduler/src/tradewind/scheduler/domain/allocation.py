"""What an allocation does about each input. Who is granted what is the plan's choice."""

from datetime import timedelta

from tradewind.common.contracts.allocation import (
    AllocationMending,
    AllocationPhase,
    AllocationReleased,
    AllocationRestated,
    AllocationWaiting,
    RestateAllocation,
)
from tradewind.common.contracts.job import TERMINAL_JOB_PHASES, JobEvent, JobLevel, JobPhase, RestateJob
from tradewind.common.contracts.values import Demand
from tradewind.common.reactor.decision import Ctx, Decision, became, derived_id
from tradewind.scheduler.domain.model import Allocation

LATER = timedelta(minutes=10)


def observe_job(allocation: Allocation | None, heard: JobEvent, ctx: Ctx) -> Decision[Allocation]:
    """A job's level says whether it waits for nodes, uses them, or is through with them."""
    job = heard.job
    if allocation is None:
        return Decision(_waiting(job, ctx)) if job.phase is JobPhase.QUEUED else Decision()
    if allocation.terminal:
        return Decision()
    if job.phase in TERMINAL_JOB_PHASES:
        released = allocation.evolve(phase=AllocationPhase.RELEASED, seats=(), wake_at=None)
        return became(released, AllocationReleased.of(released.level))
    demand = job.demand
    if demand is None:
        return Decision()
    if job.attempt > allocation.attempt:
        again = allocation.evolve(
            attempt=job.attempt,
            phase=AllocationPhase.WAITING,
            reason="",
            demand=demand,
            demand_class=_class_of(demand, job.workspace),
            claim=None,
            seats=(),
            wake_at=ctx.now + LATER,
        )
        return became(again, AllocationWaiting.of(again.level))
    return _mend(allocation, demand) if demand.replacements else Decision()


def _mend(allocation: Allocation, demand: Demand) -> Decision[Allocation]:
    """Some ranks of a gang that runs have lost their seats. An incarnation is seated once: what was granted
    to it, and not heard of, stays as it is.
    """
    if allocation.phase is AllocationPhase.REVOKED:
        return Decision()
    granted = {(seat.rank, seat.incarnation) for seat in allocation.seats}
    lacking = [
        (one, shape)
        for one, shape in zip(demand.replacements, demand.shapes, strict=True)
        if (one.rank, one.incarnation) not in granted
    ]
    ranks = {one.rank for one, _ in lacking}
    seats = tuple(seat for seat in allocation.seats if seat.rank not in ranks)
    rest = demand.but(
        replacements=tuple(one for one, _ in lacking), shapes=tuple(shape for _, shape in lacking)
    )
    already = allocation.phase is AllocationPhase.MENDING and allocation.demand == rest
    if not lacking or (already and allocation.seats == seats):
        return Decision()
    mending = allocation.evolve(
        phase=AllocationPhase.MENDING,
        reason="",
        demand=rest,
        demand_class=_class_of(rest, allocation.workspace),
        seats=seats,
    )
    return became(mending, AllocationMending.of(mending.level))


def _class_of(demand: Demand, workspace: str) -> str:
    """Whoever asks for the same waits in one line, whichever of his ranks it is for; and still does when a
    demand can ask for more (what has its default is not asked for)."""
    return derived_id(workspace, demand.but(replacements=()).model_dump_json(exclude_defaults=True))


def restate(allocation: Allocation | None, heard: RestateAllocation, ctx: Ctx) -> Decision[Allocation]:
    return (
        Decision(publish=(AllocationRestated.of(allocation.level),)) if allocation is not None else Decision()
    )


def wake(allocation: Allocation, ctx: Ctx) -> Decision[Allocation]:
    """Its job may have moved on unheard."""
    return Decision(publish=(RestateJob(id=allocation.id, workspace=allocation.workspace),))


def _waiting(job: JobLevel, ctx: Ctx) -> Allocation | None:
    demand = job.demand
    if demand is None:
        return None
    return Allocation(
        id=job.id,
        workspace=job.workspace,
        version=1,
        attempt=job.attempt,
        phase=AllocationPhase.WAITING,
        demand=demand,
        demand_class=_class_of(demand, job.workspace),
        priority=job.summary.priority,
        submitted_at=job.submitted_at,
        place_in_array=job.index or 0,
        wake_at=ctx.now + LATER,
    )
