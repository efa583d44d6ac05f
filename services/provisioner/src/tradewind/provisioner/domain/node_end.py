"""How a node ends: terminated by us, or found gone. Either way its infra said so, and its cost is final.

Every node passes through one `terminate`, also after it was lost: what was made for it (its bus user, its
files) is still to be removed.
"""

from datetime import datetime, timedelta

from tradewind.common.contracts.node import NodeEvent, NodeFailed, NodeLost, NodePhase, NodeTerminated
from tradewind.common.reactor.decision import Ctx, Decision, Intent, became
from tradewind.provisioner.contracts import InstanceGone, InstanceState, Looked, Terminated
from tradewind.provisioner.domain import orders
from tradewind.provisioner.domain.model import Node

ASKED_AGAIN = timedelta(minutes=1)


def terminate(node: Node, reason: str, ctx: Ctx, *, tell: type[NodeEvent] | None = None) -> Decision[Node]:
    """`node` has just evolved: nothing is there any more, or never was. Others hear of its end, unless `tell`
    concerns them sooner.
    """
    ending = node.but(phase=NodePhase.TERMINATING, reason=reason, wake_at=ctx.now + ASKED_AGAIN)
    told = (tell.of(ending.level),) if tell is not None else ()
    return became(ending, *told, do=(_termination(ending),))


def terminate_again(node: Node, ctx: Ctx) -> Decision[Node]:
    """In case its hand broke."""
    return became(node.evolve(wake_at=ctx.now + ASKED_AGAIN), do=(_termination(node),))


def observe_termination(node: Node | None, heard: Terminated, ctx: Ctx) -> Decision[Node]:
    if node is None or node.terminal:
        return Decision()
    return _over(node, heard.ended_at, "its machine was terminated")


def observe_look(node: Node | None, heard: Looked, ctx: Ctx) -> Decision[Node]:
    """Alive or unknown changes nothing: it stays suspect until it speaks, and is looked for again."""
    if node is None or node.terminal:
        return Decision()
    if heard.state is InstanceState.GONE:
        return lose(node, heard.ended_at or ctx.now, "its infra says that it is gone")
    return became(node.evolve(looking="")) if node.looking == heard.intent else Decision()


def observe_end(node: Node | None, heard: InstanceGone, ctx: Ctx) -> Decision[Node]:
    """A driver watched its machine end."""
    if node is None or node.terminal:
        return Decision()
    return lose(node, heard.ended_at, "its machine ended")


def lose(node: Node, ended_at: datetime, reason: str) -> Decision[Node]:
    """The infra says that the machine is no more."""
    over = _over(node, ended_at, reason)
    return Decision(over.state, over.publish, (_termination(node),))


def _over(node: Node, ended_at: datetime, reason: str) -> Decision[Node]:
    match node.phase:
        case NodePhase.TERMINATING:
            phase, reason = node.ends_as, node.reason
        case NodePhase.BOOTING:
            phase = NodePhase.FAILED
        case _:
            phase = NodePhase.LOST
    ended_at = max(ended_at, node.launched_at)
    ended = node.evolve(
        phase=phase,
        reason=reason,
        looking="",
        ended_at=ended_at,
        cost_usd=cost_usd(node, ended_at),
        wake_at=None,
    )
    told = {NodePhase.LOST: NodeLost, NodePhase.FAILED: NodeFailed}.get(phase, NodeTerminated)
    return became(ended, told.of(ended.level))


def cost_usd(node: Node, ended_at: datetime) -> float:
    """Price times time."""
    hours = (ended_at - node.launched_at) / timedelta(hours=1)
    return round(node.place.price_usd_h * hours, 6)


def _termination(node: Node) -> Intent:
    return orders.terminate(node.place.infra, node.id, node.instance)
