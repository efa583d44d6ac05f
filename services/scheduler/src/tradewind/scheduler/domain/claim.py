"""What a claim does about each input. When one is opened, served or found idle is the plan's choice."""

from datetime import timedelta

from tradewind.common.contracts.allocation import (
    ClaimClosed,
    ClaimOpened,
    ClaimPhase,
    ClaimRestated,
    CloseClaim,
    RestateClaim,
)
from tradewind.common.contracts.node import ClusterEvent, ClusterPhase
from tradewind.common.contracts.placement import PlacementEvent, PlacementPhase, RestatePlacement
from tradewind.common.contracts.values import Retention, Shape
from tradewind.common.reactor.decision import Ctx, Decision, became
from tradewind.scheduler.domain.model import Allocation, Claim

LATER = timedelta(minutes=10)
SOON = timedelta(minutes=1)


def open_for(allocation: Allocation, ctx: Ctx) -> Decision[Claim]:
    """Ask for the nodes that this allocation needs: one a rank, each as large as the largest."""
    demand = allocation.demand
    claim = Claim(
        id=ctx.new_id("claim", allocation.id, allocation.attempt),
        workspace=allocation.workspace,
        version=1,
        phase=ClaimPhase.OPEN,
        shape=_largest(demand.shapes),
        count=len(demand.shapes),
        retention=demand.retention,
        name=demand.cluster,
        demand_class=allocation.demand_class,
        avoid=demand.avoid,
        prefer=demand.prefer,
        race=demand.race,
        opened_at=ctx.now,
        wake_at=ctx.now + SOON,
        correlation=allocation.id,
        trace=allocation.trace,
    )
    return became(claim, ClaimOpened.of(claim.level))


def observe_placement(claim: Claim | None, heard: PlacementEvent, ctx: Ctx) -> Decision[Claim]:
    """Where nothing can serve it, it says why."""
    if claim is None or claim.phase is not ClaimPhase.OPEN:
        return Decision()
    placement = heard.placement
    reason = placement.why if placement.phase is PlacementPhase.INFEASIBLE else ""
    if reason == claim.reason:
        return Decision()
    told = claim.evolve(reason=reason)
    return became(told, ClaimRestated.of(told.level))


def observe_cluster(claim: Claim | None, heard: ClusterEvent, ctx: Ctx) -> Decision[Claim]:
    """The cluster that was to serve it is refused everywhere; or it died before it could: ask anew."""
    cluster = heard.cluster
    if claim is None or claim.phase is not ClaimPhase.OPEN:
        return Decision()
    if cluster.phase is ClusterPhase.SEEKING and cluster.reason not in {"", claim.refused}:
        told = claim.evolve(refused=cluster.reason)
        return became(told, ClaimRestated.of(told.level))
    if cluster.phase is not ClusterPhase.TERMINATED or cluster.generation != claim.generation:
        return Decision()
    again = claim.evolve(generation=claim.generation + 1, reason="", refused="", wake_at=ctx.now + SOON)
    return became(again, ClaimOpened.of(again.level))


def close(claim: Claim | None, heard: CloseClaim, ctx: Ctx) -> Decision[Claim]:
    """Somebody takes it down."""
    return Decision() if claim is None or claim.terminal else closed(claim)


def closed(claim: Claim) -> Decision[Claim]:
    over = claim.evolve(phase=ClaimPhase.CLOSED, wake_at=None)
    return became(over, ClaimClosed.of(over.level))


def restate(claim: Claim | None, heard: RestateClaim, ctx: Ctx) -> Decision[Claim]:
    return Decision(publish=(ClaimRestated.of(claim.level),)) if claim is not None else Decision()


def wake(claim: Claim, ctx: Ctx, *, idle_grace: timedelta) -> Decision[Claim]:
    """Idle for long enough: it wants no nodes any more. Not served yet: say again what it asks for."""
    if claim.phase is ClaimPhase.OPEN:
        asked = claim.evolve(wake_at=ctx.now + SOON)
        return became(
            asked, ClaimRestated.of(asked.level), RestatePlacement(id=claim.id, workspace=claim.workspace)
        )
    if claim.retention is not Retention.JOB or claim.idle_since is None:
        return Decision()
    return closed(claim) if ctx.now - claim.idle_since >= idle_grace else Decision()


def _largest(shapes: tuple[Shape, ...]) -> Shape:
    first = shapes[0]
    return first.but(
        cpus=max(shape.cpus for shape in shapes),
        memory_gib=max(shape.memory_gib for shape in shapes),
        accelerator=next((shape.accelerator for shape in shapes if shape.accelerator), None),
        accelerator_count=max(shape.accelerator_count for shape in shapes),
    )
