"""What an allocation does about each input. Who is granted what is the plan's choice."""

from datetime import timedelta

from tradewind.common.contracts.allocation import (
    AllocationPhase,
    AllocationReleased,
    AllocationRestated,
    AllocationWaiting,
    RestateAllocation,
)
from tradewind.common.contracts.job import TERMINAL_JOB_PHASES, JobEvent, JobLevel, JobPhase, RestateJob
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
    if job.attempt > allocation.attempt:
        again = allocation.evolve(
            attempt=job.attempt,
            phase=AllocationPhase.WAITING,
            reason="",
            claim=None,
            seats=(),
            wake_at=ctx.now + LATER,
        )
        return became(again, AllocationWaiting.of(again.level))
    return Decision()


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
        demand_class=derived_id(job.workspace, demand.model_dump_json()),
        priority=job.summary.priority,
        submitted_at=job.submitted_at,
        place_in_array=job.index or 0,
        wake_at=ctx.now + LATER,
    )
