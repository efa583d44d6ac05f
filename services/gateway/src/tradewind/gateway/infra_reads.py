"""Clusters, nodes and infras as they are shown: read from the last levels heard."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from tradewind.common.contracts.allocation import ClaimLevel, ClaimPhase
from tradewind.common.contracts.base import Value
from tradewind.common.contracts.node import (
    ENDED_NODE_PHASES,
    ClusterLevel,
    ClusterPhase,
    InfraLevel,
    OwnOffer,
)
from tradewind.common.contracts.placement import PlacementLevel
from tradewind.common.db.engine import driver_connection
from tradewind.gateway.domain.cluster_views import Cluster, Node, Under, cluster_view, living_first

SHOWN_AT_MOST = 10_000

_CLAIMS = """
SELECT body, observed_at FROM gateway.level
WHERE noun = 'claim' AND workspace = $1
  AND ($2::text IS NULL OR id = $2 OR name = $2)
  AND ($3 OR phase <> $4 OR id IN (
      SELECT claim FROM gateway.level WHERE noun = 'cluster' AND workspace = $1 AND phase <> $5))
ORDER BY observed_at DESC
LIMIT $6
"""
_UNDER = """
SELECT noun, body, observed_at FROM gateway.level
WHERE claim = ANY($1::text[]) AND noun IN ('cluster', 'node')
UNION ALL
SELECT noun, body, observed_at FROM gateway.level WHERE noun = 'placement' AND id = ANY($1::text[])
"""
_NODES = """
SELECT node.body, node.observed_at FROM gateway.level AS node
LEFT JOIN gateway.level AS of ON of.noun = 'claim' AND of.id = node.claim
WHERE node.noun = 'node' AND node.workspace = $1 AND ($2 OR node.phase <> ALL($3::text[]))
  AND ($4::text IS NULL OR of.id = $4 OR of.name = $4)
ORDER BY node.observed_at DESC
LIMIT $5
"""
_INFRA = "SELECT body, observed_at FROM gateway.level WHERE noun = 'infra' ORDER BY id"

V = TypeVar("V", bound=Value)


class Infra(Value):
    """A place that yields nodes: whether this installation can use it, and what it has beyond the catalog."""

    name: str
    enabled: bool
    why: str
    offers: tuple[OwnOffer, ...]
    observed_at: datetime


class InfraReads:
    """Every method raises Unavailable when Postgres is away."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def clusters(self, *, workspace: str, ended: bool, which: str | None = None) -> Sequence[Cluster]:
        """The living first, the newest first. `which`: of that name, or of that claim. `ended`: those too."""
        async with driver_connection(self._engine) as connection:
            claims = await connection.fetch(
                _CLAIMS,
                workspace,
                which,
                ended,
                ClaimPhase.CLOSED.value,
                ClusterPhase.TERMINATED.value,
                SHOWN_AT_MOST,
            )
            found = {
                claim.id: Under(claim, seen) for claim, seen in (_level(row, ClaimLevel) for row in claims)
            }
            rows = await connection.fetch(_UNDER, list(found))
        for row in rows:
            _put(found, row)
        return living_first(cluster_view(under, every_node=ended) for under in found.values())

    async def nodes(self, *, workspace: str, ended: bool, cluster: str | None = None) -> Sequence[Node]:
        async with driver_connection(self._engine) as connection:
            rows = await connection.fetch(
                _NODES, workspace, ended, [phase.value for phase in ENDED_NODE_PHASES], cluster, SHOWN_AT_MOST
            )
        return [_node(row) for row in rows]

    async def infra(self) -> Sequence[Infra]:
        async with driver_connection(self._engine) as connection:
            rows = await connection.fetch(_INFRA)
        return [
            Infra(name=level.id, enabled=level.enabled, why=level.why, offers=level.offers, observed_at=seen)
            for level, seen in (_level(row, InfraLevel) for row in rows)
        ]


def _put(found: dict[str, Under], row: asyncpg.Record) -> None:
    match row["noun"]:
        case "cluster":
            cluster, _ = _level(row, ClusterLevel)
            found[cluster.claim].clusters.append(cluster)
        case "placement":
            placement, _ = _level(row, PlacementLevel)
            found[placement.id].placement = placement
        case _:
            node = _node(row)
            found[node.claim].nodes.append(node)


def _node(row: asyncpg.Record) -> Node:
    return Node.model_validate_json(
        f'{row["body"][:-1]}, "observed_at": "{row["observed_at"].isoformat()}"}}'
    )


def _level(row: asyncpg.Record, contract: type[V]) -> tuple[V, datetime]:
    return contract.model_validate_json(row["body"]), row["observed_at"]
