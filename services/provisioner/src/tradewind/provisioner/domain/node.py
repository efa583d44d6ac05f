"""The life of a node: how it comes up, is heard, falls silent, and is emptied. How it ends is in `node_end`.

Silence is never an end (design.md §2): a silent node is suspected and looked for, and only its infra can say
that it is gone.
"""

from datetime import timedelta

from tradewind.common.contracts.allocation import CapacityEvent, CapacityPhase, RestateCapacity
from tradewind.common.contracts.node import (
    DrainNode,
    NodeBooting,
    NodeDraining,
    NodePhase,
    NodeReady,
    NodeReclaimNoticed,
    NodeRestated,
    NodeSaid,
    NodeSuspect,
    RestateNode,
)
from tradewind.common.reactor.decision import Ctx, Decision, became
from tradewind.provisioner.contracts import ReclaimNoticed
from tradewind.provisioner.domain import orders
from tradewind.provisioner.domain.model import Arrival, Cluster, Node
from tradewind.provisioner.domain.node_end import terminate, terminate_again

BOOT_TIME = timedelta(minutes=5)
NOTED_EVERY = timedelta(seconds=10)
"""Heartbeats in between change no row."""
SILENCE = timedelta(seconds=30) + NOTED_EVERY
"""Since the last one noted: nothing was heard for at least 30 s then."""
SOON = timedelta(seconds=30)
OVERSLEPT = timedelta(seconds=5)
"""An alarm that comes later than this says that nobody listened meanwhile: the silence may be ours."""


def enter(arrival: Arrival, cluster: Cluster, ctx: Ctx) -> Decision[Node]:
    """A launch brought a machine; its agent has not spoken yet."""
    instance, place = arrival.instance, arrival.place
    booting = Node(
        id=instance.node,
        workspace=cluster.workspace,
        version=1,
        cluster=cluster.id,
        claim=cluster.claim,
        place=place,
        instance=instance.name,
        address=instance.address,
        room=place.room,
        phase=NodePhase.BOOTING,
        heard_at=ctx.now,
        launched_at=instance.launched_at,
        known_since=ctx.now,
        wake_at=ctx.now + BOOT_TIME,
        correlation=cluster.correlation,
        trace=cluster.trace,
    )
    return became(booting, NodeBooting.of(booting.level))


def hear(node: Node | None, heard: NodeSaid, ctx: Ctx) -> Decision[Node]:
    """Its agent speaks. A new boot id is an agent that was started again; what it runs goes on."""
    if node is None or node.terminal or node.phase is NodePhase.TERMINATING:
        return Decision()
    same = (node.boot, node.room, node.address) == (heard.boot, heard.room, heard.address)
    awaited = node.phase in {NodePhase.BOOTING, NodePhase.SUSPECT}
    if same and not awaited and ctx.now - node.heard_at < NOTED_EVERY:
        return Decision()
    noted = node.evolve(heard_at=ctx.now, boot=heard.boot, room=heard.room, address=heard.address)
    if node.phase is NodePhase.DRAINING:
        return became(noted)
    ready = noted.but(phase=NodePhase.READY, reason="", wake_at=ctx.now + SILENCE)
    if awaited:
        return became(ready, NodeReady.of(ready.level))
    changed = (node.room, node.address) != (ready.room, ready.address)
    return became(ready, NodeRestated.of(ready.level)) if changed else became(ready)


def drain(node: Node | None, heard: DrainNode, ctx: Ctx) -> Decision[Node]:
    """Empty it. Where nothing was ever placed, there is nothing to wait for."""
    match node:
        case Node(phase=NodePhase.BOOTING):
            return terminate(node.evolve(), heard.reason, ctx)
        case Node(phase=NodePhase.READY | NodePhase.SUSPECT):
            draining = node.evolve(phase=NodePhase.DRAINING, reason=heard.reason, wake_at=ctx.now + SOON)
            return became(draining, NodeDraining.of(draining.level))
        case _:
            return Decision()


def observe_reclaim(node: Node | None, heard: ReclaimNoticed, ctx: Ctx) -> Decision[Node]:
    """Its infra will take it away: nothing new is placed there, and what is there may save its work."""
    if node is None or node.terminal or node.phase is NodePhase.TERMINATING or node.reclaim_at is not None:
        return Decision()
    if node.phase is NodePhase.BOOTING:
        return terminate(node.evolve(reclaim_at=heard.reclaim_at), "reclaimed by its infra", ctx)
    noticed = node.evolve(
        phase=NodePhase.DRAINING,
        reason="reclaimed by its infra",
        reclaim_at=heard.reclaim_at,
        wake_at=ctx.now + SOON,
    )
    return became(noticed, NodeReclaimNoticed.of(noticed.level))


def observe_capacity(node: Node | None, heard: CapacityEvent, ctx: Ctx) -> Decision[Node]:
    """The scheduler says that nothing is there and nothing will be: it may end, whoever began that."""
    if node is None or node.terminal or node.phase is NodePhase.TERMINATING:
        return Decision()
    if heard.capacity.phase is not CapacityPhase.VACATED:
        return Decision()
    return terminate(node.evolve(), node.reason or "it was vacated", ctx)


def restate(node: Node | None, heard: RestateNode, ctx: Ctx) -> Decision[Node]:
    """Somebody missed what this node is."""
    return Decision(publish=(NodeRestated.of(node.level),)) if node is not None else Decision()


def wake(node: Node, ctx: Ctx) -> Decision[Node]:
    """Nobody spoke in time, or somebody owes an answer."""
    match node.phase:
        case NodePhase.BOOTING | NodePhase.READY if _overslept(node, ctx):
            return became(node.evolve(wake_at=ctx.now + SILENCE))
        case NodePhase.READY if ctx.now < node.heard_at + SILENCE:
            return became(node.evolve(wake_at=node.heard_at + SILENCE))
        case NodePhase.BOOTING:
            minutes = BOOT_TIME.total_seconds() / 60
            reason = f"its agent did not speak within {minutes:g} minutes"
            return terminate(node.evolve(ends_as=NodePhase.FAILED), reason, ctx)
        case NodePhase.READY:
            return _suspect(node, ctx)
        case NodePhase.SUSPECT:
            return look_for(node.evolve(wake_at=ctx.now + SOON), ctx)
        case NodePhase.DRAINING:
            return _ask_to_vacate(node, ctx)
        case _:
            return terminate_again(node, ctx)


def _overslept(node: Node, ctx: Ctx) -> bool:
    return node.wake_at is not None and ctx.now - node.wake_at > OVERSLEPT


def _suspect(node: Node, ctx: Ctx) -> Decision[Node]:
    silent_s = (ctx.now - node.heard_at).total_seconds()
    suspect = node.evolve(
        phase=NodePhase.SUSPECT,
        reason=f"its agent has been silent for {silent_s:.0f} s",
        wake_at=ctx.now + SOON,
    )
    looked = look_for(suspect, ctx)
    return Decision(looked.state, (NodeSuspect.of(suspect.level),), looked.do)


def look_for(node: Node, ctx: Ctx) -> Decision[Node]:
    """`node` has just evolved: ask its infra whether it is there."""
    order = orders.look(node, ctx)
    return became(node.but(looking=order.id), do=(order,))


def _ask_to_vacate(node: Node, ctx: Ctx) -> Decision[Node]:
    """The scheduler may have missed that it is draining, or we that it is empty; or it died as it was."""
    said = NodeRestated.of(node.level)
    ask = RestateCapacity(id=node.id, workspace=node.workspace)
    waiting = node.evolve(wake_at=ctx.now + SOON)
    decided = look_for(waiting, ctx) if ctx.now - node.heard_at > SILENCE else Decision(waiting)
    return Decision(decided.state, (said, ask), decided.do)
