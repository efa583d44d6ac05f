"""What every machine is for."""

from tradewind.common.contracts.node import ClusterLevel, ClusterPhase, NodePhase
from tradewind.common.reactor.aggregate import Ref
from tradewind.provisioner.contracts import LaunchOrder
from tradewind.provisioner.domain.model import Node
from tradewind.simulator.promises.violation import Broken
from tradewind.simulator.seen import Seen

ONE_WAKE_S = 600.0
SLACK_S = 120.0
"""For the way from a wake to its effect."""


def no_node_without_a_purpose(seen: Seen) -> Broken:
    """No machine lives without a claim or a drain for longer than one wake (three while things fail)."""
    limit = ONE_WAKE_S + SLACK_S if seen.quiet_since is not None else 3 * ONE_WAKE_S
    for node, since in seen.unclaimed_since.items():
        since_then = max(since, seen.quiet_since or 0.0)
        if seen.now - since_then > limit:
            yield f"machine {node} has had no purpose for {seen.now - since_then:.0f} s"


def has_purpose(seen: Seen, node_id: str) -> bool:
    """Whether a claim wants this machine, or its end is under way."""
    node = seen.rows.get(("provisioner", Ref("node", node_id)))
    if not isinstance(node, Node):
        orders = (row.intent.payload for row in seen.stores["provisioner"].intents.values())
        return any(isinstance(order, LaunchOrder) and node_id in order.nodes for order in orders)
    if node.phase in {NodePhase.DRAINING, NodePhase.TERMINATING}:
        return True
    cluster = seen.levels.get(("cluster", node.cluster))
    if (
        isinstance(cluster, ClusterLevel)
        and cluster.phase is ClusterPhase.UP
        and node_id not in cluster.nodes
    ):
        return False  # it has lost a race
    claim = seen.rows.get(("scheduler", Ref("claim", node.claim)))
    return claim is not None and not claim.terminal
