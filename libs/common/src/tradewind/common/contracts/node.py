"""Infra, Cluster and Node: owned by the provisioner; and what an agent says of its node."""

from datetime import datetime
from enum import StrEnum
from typing import Self

from tradewind.common.contracts.base import Value
from tradewind.common.contracts.registry import Command, Event, Level, Said
from tradewind.common.contracts.values import Failure, Place, Retention, Room


class NodePhase(StrEnum):
    BOOTING = "booting"
    """The infra gave a machine; its agent has not spoken yet, or not every one of its gang has."""
    READY = "ready"
    SUSPECT = "suspect"
    """Its agent is silent; nobody knows yet whether it is gone. Nothing new is placed there, nothing is
    killed.
    """
    DRAINING = "draining"
    TERMINATING = "terminating"
    TERMINATED = "terminated"
    LOST = "lost"
    """The infra confirmed that it is gone, and nobody of us ended it."""
    FAILED = "failed"
    """It never became ready; it is gone."""


ENDED_NODE_PHASES = frozenset({NodePhase.TERMINATED, NodePhase.LOST, NodePhase.FAILED})


class NodeLevel(Level):
    """The public state of one machine."""

    phase: NodePhase
    reason: str = ""
    cluster: str
    claim: str
    place: Place
    instance: str
    """The infra's own name for it."""
    address: str
    """Where its ranks find each other."""
    room: Room
    launched_at: datetime
    reclaim_at: datetime | None = None
    """The infra has told that it takes it away then."""
    ended_at: datetime | None = None
    cost_usd: float = 0.0
    """Price times the time between launch and end; final once ended."""


class NodeEvent(Event, owner="provisioner", noun="node"):
    node: NodeLevel

    @property
    def level(self) -> NodeLevel:
        return self.node

    @classmethod
    def of(cls, node: NodeLevel) -> Self:
        return cls(node=node)


class NodeBooting(NodeEvent, name="booting"):
    pass


class NodeReady(NodeEvent, name="ready"):
    pass


class NodeSuspect(NodeEvent, name="suspect"):
    pass


class NodeDraining(NodeEvent, name="draining"):
    pass


class NodeReclaimNoticed(NodeEvent, name="reclaim_noticed"):
    """Its infra will take it away at `reclaim_at`: it drains from now on, or ends now if it only boots."""


class NodeLost(NodeEvent, name="lost"):
    pass


class NodeTerminated(NodeEvent, name="terminated"):
    pass


class NodeFailed(NodeEvent, name="failed"):
    pass


class NodeRestated(NodeEvent, name="restated"):
    pass


class RestateNode(Command, owner="provisioner", name="restate_node"):
    """Say the level of a node again."""


class DrainNode(Command, owner="provisioner", name="drain_node"):
    """Empty a node and end it."""

    reason: str


class ClusterPhase(StrEnum):
    SEEKING = "seeking"
    """No place is left in its list; the next round was asked for."""
    LAUNCHING = "launching"
    UP = "up"
    DRAINING = "draining"
    TERMINATED = "terminated"


class ClusterLevel(Level):
    """The public state of a gang of nodes on one offer."""

    phase: ClusterPhase
    reason: str = ""
    claim: str
    generation: int
    name: str | None
    retention: Retention
    count: int
    place: Place | None = None
    """Of the gang that was kept; while several places race, the best of them."""
    nodes: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()
    """Refusals met on the way to the present place."""


class ClusterEvent(Event, owner="provisioner", noun="cluster"):
    cluster: ClusterLevel

    @property
    def level(self) -> ClusterLevel:
        return self.cluster

    @classmethod
    def of(cls, cluster: ClusterLevel) -> Self:
        return cls(cluster=cluster)


class ClusterSeeking(ClusterEvent, name="seeking"):
    pass


class ClusterProvisioning(ClusterEvent, name="provisioning"):
    """A launch was begun, or one more beside those under way."""


class ClusterUp(ClusterEvent, name="up"):
    pass


class ClusterDraining(ClusterEvent, name="draining"):
    pass


class ClusterTerminated(ClusterEvent, name="terminated"):
    pass


class OwnOffer(Value):
    """What an infra without a catalog yields: up to `max_nodes` nodes of one kind, `in_use` of them taken."""

    place: Place
    max_nodes: int | None
    """None: nobody says; it may refuse when it is asked."""
    in_use: int = 0


class InfraLevel(Level):
    """Whether an infra can be used by this installation, and what it yields beyond the catalog. Its id is
    its name.
    """

    enabled: bool
    why: str = ""
    offers: tuple[OwnOffer, ...] = ()


class InfraEvent(Event, owner="provisioner", noun="infra"):
    infra: InfraLevel

    @property
    def level(self) -> InfraLevel:
        return self.infra

    @classmethod
    def of(cls, infra: InfraLevel) -> Self:
        return cls(infra=infra)


class InfraSurveyed(InfraEvent, name="surveyed"):
    """The infra was looked at, and what it can give has changed."""


class InfraRestated(InfraEvent, name="restated"):
    pass


class NodeSaid(Said, name="node"):
    """The agent is there: at its start (a new `boot`) and every few seconds. `room` is what it measured."""

    boot: str
    """Differs each time the agent's process starts."""
    agent_version: str
    address: str
    room: Room
    at: datetime
