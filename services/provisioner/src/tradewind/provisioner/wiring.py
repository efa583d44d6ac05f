"""Everything that the provisioner is: what it hears, and which rule answers."""

from collections.abc import Iterable

from tradewind.common.contracts.allocation import CapacityEvent, ClaimEvent
from tradewind.common.contracts.node import DrainNode, NodeEvent, NodeSaid, RestateNode
from tradewind.common.contracts.placement import PlacementEvent
from tradewind.common.reactor.wiring import Wiring, on
from tradewind.provisioner.contracts import (
    InstanceGone,
    Launched,
    LaunchOrder,
    Looked,
    LookOrder,
    ReclaimNoticed,
    Surveyed,
    SurveyOrder,
    Terminated,
    TerminateOrder,
)
from tradewind.provisioner.domain import cluster, infra, node, node_end, orders
from tradewind.provisioner.domain.model import Cluster, Infra, Node, cluster_id
from tradewind.provisioner.domain.plan import Census


def wiring(infras: Iterable[str]) -> Wiring:
    """`infras` are the names of those that this installation has a driver for."""
    seeds = tuple(infra.seed(name) for name in infras)
    return Wiring(
        service="provisioner",
        kinds=(Infra, Cluster, Node),
        reactions=(
            on(Surveyed, Infra, key=lambda heard: heard.target, decide=infra.observe_survey),
            on(Launched, Infra, key=lambda heard: (heard.infra,), decide=infra.observe_launch),
            on(ClaimEvent, Cluster, key=_cluster_of_claim, decide=cluster.observe_claim),
            on(ClaimEvent, Cluster, key=_older_clusters_of_claim, decide=cluster.observe_newer_claim),
            on(PlacementEvent, Cluster, key=_cluster_of_placement, decide=cluster.observe_placement),
            on(Launched, Cluster, key=lambda heard: heard.target, decide=cluster.observe_launch),
            on(NodeEvent, Cluster, key=lambda heard: heard.node.cluster, decide=cluster.observe_node),
            on(NodeSaid, Node, key=lambda heard: heard.node, decide=node.hear),
            on(DrainNode, Node, key=lambda heard: heard.id, decide=node.drain),
            on(RestateNode, Node, key=lambda heard: heard.id, decide=node.restate),
            on(CapacityEvent, Node, key=lambda heard: heard.capacity.id, decide=node.observe_capacity),
            on(Looked, Node, key=lambda heard: heard.target, decide=node_end.observe_look),
            on(Terminated, Node, key=lambda heard: heard.target, decide=node_end.observe_termination),
            on(ReclaimNoticed, Node, key=lambda heard: heard.target, decide=node.observe_reclaim),
            on(InstanceGone, Node, key=lambda heard: heard.target, decide=node_end.observe_end),
        ),
        alarms={Infra: infra.wake, Cluster: cluster.wake, Node: node.wake},
        planner=Census,
        seeds=lambda: seeds,
        hands={
            orders.SURVEY: SurveyOrder,
            orders.LAUNCH: LaunchOrder,
            orders.LOOK: LookOrder,
            orders.TERMINATE: TerminateOrder,
        },
    )


def _cluster_of_claim(heard: ClaimEvent) -> str:
    return cluster_id(heard.claim.id, heard.claim.generation)


def _older_clusters_of_claim(heard: ClaimEvent) -> list[str]:
    return [cluster_id(heard.claim.id, older) for older in range(1, heard.claim.generation)]


def _cluster_of_placement(heard: PlacementEvent) -> str:
    return cluster_id(heard.placement.id, heard.placement.generation)
