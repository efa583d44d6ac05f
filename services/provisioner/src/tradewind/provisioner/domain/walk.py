"""The walk along a placement's list: place after place, or a few at once, until one yields the whole gang."""

from datetime import timedelta

from tradewind.common.contracts.node import (
    ClusterPhase,
    ClusterProvisioning,
    ClusterSeeking,
    ClusterUp,
    DrainNode,
    NodePhase,
)
from tradewind.common.contracts.placement import Attempted, NextRound
from tradewind.common.contracts.registry import Message
from tradewind.common.contracts.values import Failure, Place
from tradewind.common.reactor.decision import Ctx, Decision, became, derived_id
from tradewind.provisioner.domain import orders
from tradewind.provisioner.domain.model import Cluster, Try

ANSWERED_WITHIN = timedelta(minutes=1)
"""What is not answered by then is asked for again."""


def launch_next(cluster: Cluster, ctx: Ctx, *say: Message) -> Decision[Cluster]:
    """`cluster` has just evolved: begin a launch in every free lane, or ask for another list."""
    places = _best(cluster, max(cluster.race - len(cluster.tries), 0))
    begun = tuple(
        _try(cluster, place, intent=ctx.new_id(orders.LAUNCH, cluster.id, lane))
        for lane, place in enumerate(places)
    )
    if not begun and not cluster.tries:
        return _seek(cluster, ctx, *say)
    launching = cluster.but(
        phase=ClusterPhase.LAUNCHING,
        ranked=tuple(place for place in cluster.ranked if place not in places),
        tries=(*cluster.tries, *begun),
        wake_at=ctx.now + ANSWERED_WITHIN,
    )
    if begun:
        say = (*say, ClusterProvisioning.of(launching.level))
    return became(launching, *say, do=tuple(orders.launch(launching, one) for one in begun))


def _best(cluster: Cluster, free: int) -> tuple[Place, ...]:
    """The next places, for so many lanes. One that is avoided races against no other: it might win."""
    wanted = [place for place in cluster.ranked if not _is_avoided(cluster, place)]
    others_are_tried = any(not _is_avoided(cluster, one.place) for one in cluster.tries)
    if wanted or others_are_tried:
        return tuple(wanted[:free])
    return cluster.ranked[:free]


def _is_avoided(cluster: Cluster, place: Place) -> bool:
    return any((place.infra, place.region) == (one.infra, one.region) for one in cluster.avoid)


def _try(cluster: Cluster, place: Place, *, intent: str) -> Try:
    nodes = tuple(derived_id(intent, ordinal) for ordinal in range(cluster.count))
    return Try(intent=intent, place=place, nodes=nodes)


def give_up(cluster: Cluster, tried: Try, ctx: Ctx, *, failure: Failure) -> Decision[Cluster]:
    """`cluster` has just evolved: a place refused, or its gang broke before it was up. Empty it, go on."""
    moving_on = cluster.but(
        reason=failure.message,
        tries=tuple(one for one in cluster.tries if one.intent != tried.intent),
        ranked=tuple(place for place in cluster.ranked if not failure.speaks_for(tried.place, place)),
        attempted=(*cluster.attempted, Attempted(place=tried.place, failure=failure)),
    )
    return launch_next(moving_on, ctx, *drains(moving_on, failure.message))


def keep(cluster: Cluster, tried: Try, ctx: Ctx) -> Decision[Cluster]:
    """Its whole gang is there: it is kept. What else was tried is given back, as soon as it is known."""
    others = tuple(one for one in cluster.tries if one.intent != tried.intent)
    up = cluster.evolve(
        phase=ClusterPhase.UP,
        reason="",
        tries=(tried,),
        recalled=(*cluster.recalled, *(one for one in others if not one.came)),
        nodes={**cluster.nodes, **dict.fromkeys(tried.nodes, NodePhase.READY)},
        wake_at=ctx.now + ANSWERED_WITHIN,
    )
    return became(up, ClusterUp.of(up.level), *drains(up, "another place was faster"))


def _seek(cluster: Cluster, ctx: Ctx, *say: Message) -> Decision[Cluster]:
    seeking = cluster.but(phase=ClusterPhase.SEEKING, wake_at=ctx.now + ANSWERED_WITHIN)
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
    """To every node that is not wanted and has not begun to leave."""
    return [DrainNode(id=node, workspace=cluster.workspace, reason=reason) for node in cluster.unwanted]
