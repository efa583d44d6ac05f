"""What is shown of clusters: a claim, with what was found for it and what runs under it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import Field

from tradewind.common.contracts.allocation import ClaimLevel, ClaimPhase
from tradewind.common.contracts.base import Value
from tradewind.common.contracts.node import ENDED_NODE_PHASES, ClusterLevel, ClusterPhase, NodeLevel
from tradewind.common.contracts.placement import PlacementLevel, PlacementPhase
from tradewind.common.contracts.values import Failure, Place, Retention, Shape


class Node(NodeLevel):
    """A machine."""

    observed_at: datetime


class NodeList(Value):
    nodes: tuple[Node, ...]
    observed_at: datetime


class Cluster(Value):
    """A gang of nodes, or the wish for one. Its id is its claim's."""

    id: str
    workspace: str
    name: str | None
    retention: Retention
    phase: ClusterPhase
    claim: ClaimPhase = Field(
        description="open: asks for nodes; served: has them; closed: wants none any more."
    )
    reason: str = Field(description="Why it has no nodes, and what would help.")
    shape: Shape = Field(description="What each node must have.")
    count: int
    place: Place | None
    hourly_usd: float = Field(description="Of the nodes that it has now.")
    cost_usd: float = Field(description="Of all nodes that it ever had, as of their last word.")
    failures: tuple[Failure, ...] = Field(description="Refusals met on the way to the present place.")
    nodes: tuple[Node, ...]
    opened_at: datetime
    observed_at: datetime


class ClusterList(Value):
    clusters: tuple[Cluster, ...]
    observed_at: datetime


class ClusterDown(Value):
    """The wish was taken in; `phase` tells how far it was then."""

    id: str
    name: str | None
    phase: ClusterPhase


@dataclass(slots=True)
class Under:
    """What belongs to one claim, as it was last heard."""

    claim: ClaimLevel
    observed_at: datetime
    placement: PlacementLevel | None = None
    clusters: list[ClusterLevel] = field(default_factory=list[ClusterLevel])
    nodes: list[Node] = field(default_factory=list[Node])


def cluster_view(under: Under, *, every_node: bool) -> Cluster:
    claim = under.claim
    newest = max(under.clusters, key=lambda one: (one.generation, one.version), default=None)
    living = [node for node in under.nodes if node.phase not in ENDED_NODE_PHASES]
    return Cluster(
        id=claim.id,
        workspace=claim.workspace,
        name=claim.name,
        retention=claim.retention,
        phase=_phase(claim, newest),
        claim=claim.phase,
        reason=_reason(under.placement, newest),
        shape=claim.shape,
        count=claim.count,
        place=newest.place if newest else None,
        hourly_usd=sum(node.place.price_usd_h for node in living),
        cost_usd=sum(node.cost_usd for node in under.nodes),
        failures=newest.failures if newest else (),
        nodes=tuple(
            sorted(under.nodes if every_node else living, key=lambda node: (node.launched_at, node.id))
        ),
        opened_at=claim.opened_at,
        observed_at=under.observed_at,
    )


def _phase(claim: ClaimLevel, newest: ClusterLevel | None) -> ClusterPhase:
    if newest is None or (newest.generation < claim.generation and newest.phase is ClusterPhase.TERMINATED):
        return ClusterPhase.TERMINATED if claim.phase is ClaimPhase.CLOSED else ClusterPhase.SEEKING
    return newest.phase


def _reason(placement: PlacementLevel | None, newest: ClusterLevel | None) -> str:
    if placement is not None and placement.phase is PlacementPhase.INFEASIBLE:
        return placement.why
    return newest.reason if newest else ""


def living_first(clusters: Iterable[Cluster]) -> Sequence[Cluster]:
    """A name may be used again once its cluster has ended: the living one is meant, or else the newest."""
    return sorted(
        clusters, key=lambda one: (one.phase is not ClusterPhase.TERMINATED, one.opened_at), reverse=True
    )
