"""What the ledger notes of each node."""

from datetime import datetime, timedelta

from tradewind.common.contracts.allocation import (
    CapacityGone,
    CapacityOpened,
    CapacityPhase,
    CapacityRestated,
    CapacityVacated,
    RestateCapacity,
)
from tradewind.common.contracts.node import ENDED_NODE_PHASES, NodeEvent, NodeLevel, NodePhase, RestateNode
from tradewind.common.reactor.decision import Ctx, Decision, became
from tradewind.scheduler.domain.model import Capacity

LATER = timedelta(minutes=10)


def observe_node(capacity: Capacity | None, heard: NodeEvent, ctx: Ctx) -> Decision[Capacity]:
    """A node's level says whether anything may be placed there. A node that is leaving never comes back."""
    node = heard.node
    if capacity is None:
        return _first_heard(node, ctx)
    if node.phase in ENDED_NODE_PHASES:
        gone = capacity.evolve(phase=CapacityPhase.GONE, wake_at=None)
        return became(gone, CapacityGone.of(gone.level))
    if node.reclaim_at is not None and _is_earlier(node.reclaim_at, capacity):
        leaving = capacity.evolve(reclaim_at=node.reclaim_at)
        placeable = capacity.phase in {CapacityPhase.OPEN, CapacityPhase.SUSPECT}
        return Decision(leaving.but(phase=CapacityPhase.DRAINING) if placeable else leaving)
    match node.phase, capacity.phase:
        case NodePhase.READY, CapacityPhase.SUSPECT:
            return Decision(capacity.evolve(phase=CapacityPhase.OPEN))
        case NodePhase.SUSPECT, CapacityPhase.OPEN:
            return Decision(capacity.evolve(phase=CapacityPhase.SUSPECT))
        case NodePhase.DRAINING, CapacityPhase.OPEN | CapacityPhase.SUSPECT:
            return Decision(capacity.evolve(phase=CapacityPhase.DRAINING))
        case _:
            return Decision()


def _is_earlier(reclaim_at: datetime, capacity: Capacity) -> bool:
    return capacity.reclaim_at is None or reclaim_at < capacity.reclaim_at


def _first_heard(node: NodeLevel, ctx: Ctx) -> Decision[Capacity]:
    if node.phase not in {NodePhase.READY, NodePhase.SUSPECT, NodePhase.DRAINING}:
        return Decision()
    capacity = Capacity(
        id=node.id,
        workspace=node.workspace,
        version=1,
        phase=CapacityPhase.SUSPECT if node.phase is NodePhase.SUSPECT else CapacityPhase.OPEN,
        claim=node.claim,
        cluster=node.cluster,
        place=node.place,
        room=node.room,
        address=node.address,
        wake_at=ctx.now + LATER,
    )
    if node.phase is NodePhase.DRAINING:
        # Nothing was ever placed there: it may go.
        vacated = capacity.but(phase=CapacityPhase.VACATED)
        return became(vacated, CapacityVacated.of(vacated.level))
    return became(capacity, CapacityOpened.of(capacity.level))


def restate(capacity: Capacity | None, heard: RestateCapacity, ctx: Ctx) -> Decision[Capacity]:
    return Decision(publish=(CapacityRestated.of(capacity.level),)) if capacity is not None else Decision()


def wake(capacity: Capacity, ctx: Ctx) -> Decision[Capacity]:
    """Its node may have ended unheard."""
    return Decision(publish=(RestateNode(id=capacity.id, workspace=capacity.workspace),))
