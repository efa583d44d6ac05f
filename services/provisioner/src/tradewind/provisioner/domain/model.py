"""Infra, Cluster and Node as the provisioner keeps them."""

from datetime import datetime
from typing import ClassVar

from pydantic import Field

from tradewind.common.contracts.base import Value
from tradewind.common.contracts.node import (
    ENDED_NODE_PHASES,
    ClusterLevel,
    ClusterPhase,
    InfraLevel,
    NodeLevel,
    NodePhase,
    OwnOffer,
)
from tradewind.common.contracts.placement import Attempted
from tradewind.common.contracts.values import Place, Region, Retention, Room
from tradewind.common.reactor.aggregate import Aggregate
from tradewind.common.reactor.decision import derived_id
from tradewind.provisioner.contracts import Found, Instance

LEAVING = frozenset({NodePhase.DRAINING, NodePhase.TERMINATING})
SYSTEM = "system"
"""The workspace of what belongs to the installation itself."""


def cluster_id(claim: str, generation: int) -> str:
    """The cluster that serves one generation of a claim."""
    return derived_id(claim, generation)


class Survey(Value):
    """A survey that has not been compared with the rows yet."""

    taken_at: datetime
    found: tuple[Found, ...]
    complete: bool


class Infra(Aggregate):
    """Whatever yields nodes; its id is its driver's name. It lives as long as the installation."""

    kind: ClassVar[str] = "infra"

    enabled: bool = False
    why: str = "it has not been looked at yet"
    locked: str = ""
    """Why it let us launch nothing, though it can be looked at; until a launch succeeds."""
    offers: tuple[OwnOffer, ...] = ()
    surveying: str = ""
    """The intent of the survey under way."""
    outdated: bool = False
    """Nodes came or went while that survey was under way: look again."""
    asked_at: datetime | None = None
    """When it was last asked for a survey."""
    survey: Survey | None = None
    told_at: datetime | None = None
    """When its level was last said."""

    @property
    def phase_name(self) -> str:
        return "enabled" if self.enabled else "disabled"

    @property
    def terminal(self) -> bool:
        return False

    @property
    def level(self) -> InfraLevel:
        return InfraLevel(
            id=self.id,
            workspace=self.workspace,
            version=self.version,
            enabled=self.enabled,
            why=self.why or self.locked,
            offers=self.offers,
        )


class Try(Value):
    """One place of a list that is tried for a whole gang."""

    intent: str
    """Of its launch."""
    place: Place
    nodes: tuple[str, ...]
    came: bool = False
    """False: the launch is under way, and nobody knows yet which of `nodes` exist. True: all of them came."""


class Arrival(Value):
    """A machine that a launch brought, and what it was bought as."""

    instance: Instance
    place: Place


class Cluster(Aggregate):
    """The gang of nodes that serves one generation of a claim."""

    kind: ClassVar[str] = "cluster"

    claim: str
    generation: int
    name: str | None = None
    retention: Retention = Retention.JOB
    count: int
    phase: ClusterPhase = ClusterPhase.SEEKING
    reason: str = ""
    round: int = 0
    """Of the placement whose list it walks; 0 before the first."""
    ranked: tuple[Place, ...] = ()
    """What is left of that list, best first."""
    attempted: tuple[Attempted, ...] = ()
    """What was tried of it, and how it refused."""
    race: int = 1
    """How many places are tried at once; the first whole gang is kept."""
    avoid: tuple[Region, ...] = ()
    """Places there are tried only when no other is."""
    tries: tuple[Try, ...] = ()
    """What is tried now; of a cluster that is up, the one that was kept."""
    recalled: tuple[Try, ...] = ()
    """Launches under way that nobody waits for any more: what they bring is given back."""
    nodes: dict[str, NodePhase] = Field(default_factory=dict[str, NodePhase])
    """Every node that it launched and that has not ended, those of given-up gangs too."""
    arrived: tuple[Arrival, ...] = ()
    """Machines whose nodes are still to be entered (by the plan, in the same transaction)."""

    @property
    def phase_name(self) -> str:
        return self.phase.value

    @property
    def terminal(self) -> bool:
        return self.phase is ClusterPhase.TERMINATED

    @property
    def under_way(self) -> tuple[Try, ...]:
        """Launches that are not answered yet."""
        return (*(one for one in self.tries if not one.came), *self.recalled)

    @property
    def is_empty(self) -> bool:
        return not self.nodes and not self.under_way

    @property
    def unwanted(self) -> list[str]:
        """Its nodes that have yet to be told to leave: those of no try, or all."""
        tried = {node for one in self.tries for node in one.nodes}
        wanted = tried if self.phase is not ClusterPhase.DRAINING else set[str]()
        return [node for node, phase in self.nodes.items() if node not in wanted and phase not in LEAVING]

    @property
    def place(self) -> Place | None:
        return self.tries[0].place if self.tries else None

    @property
    def gang(self) -> tuple[str, ...]:
        return self.tries[0].nodes if self.tries and self.tries[0].came else ()

    @property
    def level(self) -> ClusterLevel:
        return ClusterLevel(
            id=self.id,
            workspace=self.workspace,
            version=self.version,
            phase=self.phase,
            reason=self.reason,
            claim=self.claim,
            generation=self.generation,
            name=self.name,
            retention=self.retention,
            count=self.count,
            place=self.place,
            nodes=self.gang,
            failures=tuple(one.failure for one in self.attempted),
        )


class Node(Aggregate):
    """One machine with one agent."""

    kind: ClassVar[str] = "node"

    cluster: str
    claim: str
    place: Place
    instance: str
    address: str
    room: Room
    phase: NodePhase
    reason: str = ""
    boot: str = ""
    """Of the agent's process that spoke last."""
    heard_at: datetime
    """When its agent was last noted to have spoken (heartbeats in between are not noted)."""
    looking: str = ""
    """The intent of the look under way."""
    silent: bool = False
    """Unheard for too long. What that means depends on the others: the plan tells, in the same
    transaction.
    """
    held: bool = False
    """It fell silent together with many: only a survey asks for it, until it speaks again."""
    ends_as: NodePhase = NodePhase.TERMINATED
    """What it becomes once it is terminated."""
    launched_at: datetime
    reclaim_at: datetime | None = None
    """When its infra takes it away, as far as it has told."""
    known_since: datetime
    """When this row came to be: a survey that began earlier may not know the machine."""
    ended_at: datetime | None = None
    cost_usd: float = 0.0

    @property
    def phase_name(self) -> str:
        return self.phase.value

    @property
    def terminal(self) -> bool:
        return self.phase in ENDED_NODE_PHASES

    @property
    def level(self) -> NodeLevel:
        return NodeLevel(
            id=self.id,
            workspace=self.workspace,
            version=self.version,
            phase=self.phase,
            reason=self.reason,
            cluster=self.cluster,
            claim=self.claim,
            place=self.place,
            instance=self.instance,
            address=self.address,
            room=self.room,
            launched_at=self.launched_at,
            reclaim_at=self.reclaim_at,
            ended_at=self.ended_at,
            cost_usd=self.cost_usd,
        )
