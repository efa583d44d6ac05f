"""The walk along a placement's list: place after place, the whole gang or nothing, until one yields it."""

from datetime import timedelta

from tradewind.common.contracts.node import (
    ClusterPhase,
    ClusterProvisioning,
    ClusterSeeking,
    DrainNode,
    NodePhase,
)
from tradewind.common.contracts.placement import Attempted, NextRound
from tradewind.common.contracts.registry import Message
from tradewind.common.contracts.values import Failure, Place, Scope
from tradewind.common.reactor.decision import Ctx, Decision, became, derived_id
from tradewind.provisioner.domain import orders
from tradewind.provisioner.domain.model import Cluster, Launch

ANSWERED_WITHIN = timedelta(minutes=1)
"""What is not answered by then is asked for again."""


def launch_next(cluster: Cluster, ctx: Ctx, *say: Message) -> Decision[Cluster]:
    """`cluster` has just evolved: begin a launch at the next place, or ask for another list."""
    if not cluster.ranked:
        return _seek(cluster, ctx, *say)
    place, *rest = cluster.ranked
    intent = ctx.new_id(orders.LAUNCH, cluster.id)
    nodes = tuple(derived_id(intent, ordinal) for ordinal in range(cluster.count))
    launch = Launch(intent=intent, place=place, nodes=nodes)
    launching = cluster.but(
        phase=ClusterPhase.LAUNCHING,
        place=place,
        ranked=tuple(rest),
        launch=launch,
        gang=(),
        wake_at=ctx.now + ANSWERED_WITHIN,
    )
    return became(
        launching,
        *say,
        ClusterProvisioning.of(launching.level),
        do=(orders.launch(launching, launch),),
    )


def give_up(cluster: Cluster, failure: Failure, ctx: Ctx) -> Decision[Cluster]:
    """`cluster` has just evolved: its place refused, or its gang broke before it was up. Empty it, go on."""
    if cluster.place is None:
        return launch_next(cluster, ctx)
    skipped = tuple(place for place in cluster.ranked if not speaks_for(failure, cluster.place, place))
    attempted = (*cluster.attempted, Attempted(place=cluster.place, failure=failure))
    moving_on = cluster.but(reason=failure.message, ranked=skipped, attempted=attempted)
    return launch_next(moving_on, ctx, *drains(cluster, failure.message))


def speaks_for(failure: Failure, tried: Place, other: Place) -> bool:
    """Whether the refusal at `tried` tells that `other` would refuse too."""
    match failure.scope:
        case Scope.INFRA:
            return other.infra == tried.infra
        case Scope.REGION:
            return (other.infra, other.region) == (tried.infra, tried.region)
        case Scope.ZONE:
            return (other.infra, other.region, other.zone) == (tried.infra, tried.region, tried.zone)
        case Scope.OFFER:
            return other == tried


def _seek(cluster: Cluster, ctx: Ctx, *say: Message) -> Decision[Cluster]:
    seeking = cluster.but(
        phase=ClusterPhase.SEEKING, place=None, gang=(), launch=None, wake_at=ctx.now + ANSWERED_WITHIN
    )
    return became(seeking, *say, next_round(seeking), ClusterSeeking.of(seeking.level))


def next_round(cluster: Cluster) -> NextRound:
    return NextRound(
        id=cluster.claim,
        workspace=cluster.workspace,
        generation=cluster.generation,
        round=cluster.round,
        attempted=cluster.attempted,
    )


def drains(cluster: Cluster, reason: str) -> list[DrainNode]:
    """To every node that has not begun to leave."""
    return [
        DrainNode(id=node, workspace=cluster.workspace, reason=reason)
        for node, phase in cluster.nodes.items()
        if phase not in {NodePhase.DRAINING, NodePhase.TERMINATING}
    ]
