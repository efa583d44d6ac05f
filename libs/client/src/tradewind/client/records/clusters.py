"""Clusters and nodes."""

from dataclasses import dataclass
from datetime import datetime

from tradewind.client.records.shapes import Place, Room, Shape


@dataclass(frozen=True, kw_only=True)
class Node:
    """A machine. `reclaim_at`: its infra has told that it takes it away then."""

    id: str
    phase: str
    cluster: str
    instance: str
    address: str
    place: Place
    room: Room
    reason: str = ""
    cost_usd: float = 0.0
    launched_at: datetime
    reclaim_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Failure:
    """How an infra refused on the way to the present place."""

    kind: str
    scope: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Nodes that a demand got. `name` is None for those that live only as long as jobs want them."""

    id: str
    phase: str
    claim: str
    retention: str
    count: int
    shape: Shape
    workspace: str = "default"
    name: str | None = None
    reason: str = ""
    place: Place | None = None
    hourly_usd: float | None = None
    cost_usd: float | None = None
    failures: tuple[Failure, ...] = ()
    nodes: tuple[Node, ...] = ()
    opened_at: datetime | None = None
    observed_at: datetime | None = None
