"""The life of a node: how it comes up, is heard, falls silent, and is emptied. How it ends is in `node_end`.

Silence is never an end (design.md §2): a silent node is suspected and looked for, and only its infra can say
that it is gone.
"""

from datetime import datetime, timedelta

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
from tradewind.common.reactor.decision import Ctx, Decision, became, derived_id
from tradewind.provisioner.contracts import ReclaimNoticed
from tradewind.provisioner.domain import orders
from tradewind.provisioner.domain.model import Arrival, Cluster, Node
from tradewind.provisioner.domain.node_end import terminate, terminate_again

BOOT_TIME = timedelta(minutes=5)
NOTED_EVERY = timedelta(seconds=6)
"""Heartbeats in between change no row. Agents speak every 4 s, so a node is noted every 8 s: 1,000 nodes
write 125 rows a second.
"""
SILENCE = timedelta(seconds=14)
"""Since the last one noted: two heartbeats at least are missing then, and a link that went down is found
within 15 s.
"""
SOON = timedelta(seconds=30)
LATER = timedelta(minutes=10)
HELD_FOR = timedelta(minutes=1)
"""While many are silent at once, one is not suspected for so long: it may be us who do not hear."""
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
    """Its agent speaks. A new boot id is an agent that was started again; what it runs goes on.

    One that boots is ready once its gang is whole, which the plan sees: until then it may be given back.
    """
    if node is None or node.terminal or node.phase is NodePhase.TERMINATING:
        return Decision()
    same = (node.boot, node.room, node.address) == (heard.boot, heard.room, heard.address)
    if same and node.phase is not NodePhase.SUSPECT and ctx.now - node.heard_at < NOTED_EVERY:
        return Decision()
    noted = node.evolve(heard_at=ctx.now, boot=heard.boot, room=heard.room, address=heard.address, held=False)
    match node.phase:
        case NodePhase.BOOTING | NodePhase.DRAINING:
            return became(noted)
        case NodePhase.SUSPECT:
            return be_ready(noted, ctx)
        case _:
            listened = noted.but(wake_at=ctx.now + SILENCE)
            changed = (node.room, node.address) != (noted.room, noted.address)
            return became(listened, NodeRestated.of(listened.level)) if changed else became(listened)


def be_ready(node: Node, ctx: Ctx) -> Decision[Node]:
    """`node` has just evolved: work may be placed on it."""
    ready = node.but(phase=NodePhase.READY, reason="", wake_at=ctx.now + SILENCE)
    return became(ready, NodeReady.of(ready.level))


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
    return notice_reclaim(node, heard.reclaim_at, ctx) if node is not None else Decision()


def notice_reclaim(node: Node, reclaim_at: datetime, ctx: Ctx) -> Decision[Node]:
    """Its infra will take it away: nothing new is placed there, and what is there may save its work.

    Of several notices the earliest counts. None is ever taken back: a node that outlives its time is vacated
    all the same.
    """
    if node.terminal or node.phase is NodePhase.TERMINATING:
        return Decision()
    if node.reclaim_at is not None and node.reclaim_at <= reclaim_at:
        return Decision()
    noticed = node.evolve(reclaim_at=reclaim_at, reason="reclaimed by its infra")
    if node.phase is NodePhase.BOOTING:
        return terminate(noticed, noticed.reason, ctx, tell=NodeReclaimNoticed)
    leaving = noticed.but(phase=NodePhase.DRAINING, wake_at=ctx.now + SOON)
    return became(leaving, NodeReclaimNoticed.of(leaving.level))


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
        case NodePhase.BOOTING if node.boot:
            # It waits for the others of its gang, each of which has a deadline of its own.
            return became(node.evolve(wake_at=ctx.now + BOOT_TIME), NodeRestated.of(node.level))
        case NodePhase.BOOTING:
            minutes = BOOT_TIME.total_seconds() / 60
            reason = f"its agent did not speak within {minutes:g} minutes"
            return terminate(node.evolve(ends_as=NodePhase.FAILED), reason, ctx)
        case NodePhase.READY if node.held:
            return _suspect(node.evolve(wake_at=ctx.now + LATER), ctx)
        case NodePhase.SUSPECT if node.held:
            return became(node.evolve(wake_at=ctx.now + LATER))
        case NodePhase.READY | NodePhase.SUSPECT:
            return became(node.evolve(silent=True, wake_at=ctx.now + SOON))
        case NodePhase.DRAINING:
            return _ask_to_vacate(node, ctx)
        case _:
            return terminate_again(node, ctx)


def _overslept(node: Node, ctx: Ctx) -> bool:
    return node.wake_at is not None and ctx.now - node.wake_at > OVERSLEPT


def hold(node: Node, ctx: Ctx) -> Decision[Node]:
    """Many are silent at once: whether it is there is asked in bulk. Not all of them wake together again."""
    spread = int(derived_id(ctx.cause, node.id)[:8], 16) / 0xFFFFFFFF
    wait = SOON if node.phase is NodePhase.DRAINING else HELD_FOR
    return became(node.evolve(silent=False, held=True, wake_at=ctx.now + wait * (1 + spread)))


def suspect(node: Node, ctx: Ctx) -> Decision[Node]:
    """It is silent, and others speak: nothing new goes there, and its infra is asked."""
    asked = node.evolve(silent=False)
    suspected = _suspect(asked, ctx) if node.phase is NodePhase.READY else Decision(asked)
    looked = look_for(suspected.state or asked, ctx)
    return Decision(looked.state, suspected.publish, looked.do)


def _suspect(node: Node, ctx: Ctx) -> Decision[Node]:
    """`node` has just evolved."""
    silent_s = (ctx.now - node.heard_at).total_seconds()
    reason = f"its agent has been silent for {silent_s:.0f} s"
    suspected = node.but(phase=NodePhase.SUSPECT, reason=reason)
    return became(suspected, NodeSuspect.of(suspected.level))


def look_for(node: Node, ctx: Ctx) -> Decision[Node]:
    """`node` has just evolved: ask its infra whether it is there."""
    order = orders.look(node, ctx)
    return became(node.but(looking=order.id), do=(order,))


def _ask_to_vacate(node: Node, ctx: Ctx) -> Decision[Node]:
    """The scheduler may have missed that it is draining, or we that it is empty; or it died as it was."""
    silent = ctx.now - node.heard_at > SILENCE and not node.held
    waiting = node.evolve(silent=silent, wake_at=ctx.now + SOON)
    ask = RestateCapacity(id=node.id, workspace=node.workspace)
    return became(waiting, NodeRestated.of(node.level), ask)
