"""Things of the provisioner as tests begin with them."""

from datetime import UTC, datetime, timedelta
from typing import TypeVar

from tradewind.common.contracts.allocation import (
    CapacityEvent,
    CapacityLevel,
    CapacityPhase,
    CapacityRestated,
    ClaimLevel,
    ClaimPhase,
    ClaimRestated,
)
from tradewind.common.contracts.node import ClusterPhase, NodePhase, NodeRestated, NodeSaid
from tradewind.common.contracts.placement import PlacementChosen, PlacementLevel, PlacementPhase
from tradewind.common.contracts.registry import Message
from tradewind.common.contracts.values import (
    Failure,
    FailureKind,
    Place,
    Region,
    Retention,
    Room,
    Scope,
    Shape,
)
from tradewind.common.reactor.aggregate import Aggregate
from tradewind.common.reactor.decision import Ctx, Decision
from tradewind.provisioner.contracts import Instance, Launched
from tradewind.provisioner.domain.model import Cluster, Node, cluster_id

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CTX = Ctx(now=NOW, cause="input")
ROOM = Room(cpus=4, memory_gib=16)

S = TypeVar("S", bound=Aggregate)
M = TypeVar("M", bound=Message)


def after(**elapsed: float) -> Ctx:
    return Ctx(now=NOW + timedelta(**elapsed), cause=f"input after {elapsed}")


def state(decision: Decision[S]) -> S:
    assert decision.state is not None
    assert decision.state.terminal or decision.state.wake_at is not None
    return decision.state


def told(decision: Decision[S], kind: type[M]) -> list[M]:
    return [message for message in decision.publish if isinstance(message, kind)]


def place(infra: str = "aws", region: str = "us", zone: str = "us-a", *, price: float = 3.6) -> Place:
    return Place(infra=infra, region=region, zone=zone, instance_type="m", room=ROOM, price_usd_h=price)


def node(phase: NodePhase = NodePhase.READY, **changes: object) -> Node:
    return Node(
        id="n",
        workspace="w",
        version=5,
        cluster="c",
        claim="claim",
        place=place(),
        instance="i-1",
        address="10.0.0.1",
        room=ROOM,
        phase=phase,
        boot="b1",
        heard_at=NOW,
        launched_at=NOW,
        known_since=NOW,
        wake_at=NOW + timedelta(seconds=14),
    ).but(**changes)


def said(boot: str = "b1", *, cpus: float = 4, node: str = "n") -> NodeSaid:
    room = ROOM.but(cpus=cpus)
    return NodeSaid(node=node, boot=boot, agent_version="1", address="10.0.0.1", room=room, at=NOW)


def capacity(phase: CapacityPhase, version: int = 1, *, node: str = "n") -> CapacityEvent:
    level = CapacityLevel(
        id=node, workspace="w", version=version, phase=phase, claim="claim", cluster="c", room=ROOM
    )
    return CapacityRestated.of(level)


def claim(phase: ClaimPhase = ClaimPhase.OPEN, *, version: int = 1, generation: int = 1) -> ClaimRestated:
    return ClaimRestated.of(
        ClaimLevel(
            id="claim",
            workspace="w",
            version=version,
            phase=phase,
            generation=generation,
            shape=Shape(),
            count=2,
            retention=Retention.NAMED,
            name="big",
            opened_at=NOW,
        )
    )


def placement(
    *places: Place,
    round: int = 1,
    version: int = 1,
    phase: PlacementPhase = PlacementPhase.CHOSEN,
    race: int = 1,
    avoid: tuple[Region, ...] = (),
) -> PlacementChosen:
    return PlacementChosen.of(
        PlacementLevel(
            id="claim",
            workspace="w",
            version=version,
            phase=phase,
            generation=1,
            round=round,
            count=2,
            shape=Shape(),
            race=race,
            avoid=avoid,
            ranked=places,
        )
    )


def cluster(phase: ClusterPhase = ClusterPhase.SEEKING, **changes: object) -> Cluster:
    return Cluster(
        id=cluster_id("claim", 1),
        workspace="w",
        version=1,
        claim="claim",
        generation=1,
        count=2,
        phase=phase,
        wake_at=NOW + timedelta(minutes=1),
    ).but(**changes)


def launched(cluster: Cluster, came: int = 2, *, failure: Failure | None = None, lane: int = 0) -> Launched:
    """The answer to one of the launches that are under way."""
    launch = cluster.under_way[lane]
    instances = tuple(
        Instance(node=one, name=f"i-{one[:4]}", address="10.0.0.1", launched_at=NOW)
        for one in launch.nodes[:came]
    )
    return Launched(intent=launch.intent, target=cluster.id, instances=instances, failure=failure)


def refusal(scope: Scope = Scope.OFFER, kind: FailureKind = FailureKind.CAPACITY) -> Failure:
    return Failure(kind=kind, scope=scope, message="no")


def node_event(id: str, phase: NodePhase, version: int = 1, *, cluster: str = "c") -> NodeRestated:
    return NodeRestated.of(node(phase, id=id, version=version, cluster=cluster).level)
