"""What a cluster does about each input. Its way along the list of places is in `walk`; when a gang is whole,
`plan` sees.
"""

from datetime import timedelta

from tradewind.common.contracts.allocation import ClaimEvent, ClaimPhase, RestateClaim
from tradewind.common.contracts.node import (
    ENDED_NODE_PHASES,
    ClusterDraining,
    ClusterPhase,
    ClusterTerminated,
    NodeEvent,
    NodePhase,
    RestateNode,
)
from tradewind.common.contracts.placement import PlacementEvent, PlacementPhase, RestatePlacement
from tradewind.common.contracts.registry import Message
from tradewind.common.contracts.values import Failure, FailureKind, Scope
from tradewind.common.reactor.decision import Ctx, Decision, became
from tradewind.provisioner.contracts import Launched
from tradewind.provisioner.domain import orders
from tradewind.provisioner.domain.model import LEAVING, Arrival, Cluster, Try, cluster_id
from tradewind.provisioner.domain.walk import drains, give_up, launch_next, next_round

SOON = timedelta(minutes=1)
LATER = timedelta(minutes=10)
NOT_WANTED = "its gang was not kept"


def observe_claim(cluster: Cluster | None, heard: ClaimEvent, ctx: Ctx) -> Decision[Cluster]:
    """Somebody wants nodes, or wants them no more. Places come from the optimizer."""
    claim = heard.claim
    if cluster is None:
        if claim.phase is not ClaimPhase.OPEN:
            return Decision()
        return Decision(
            Cluster(
                id=cluster_id(claim.id, claim.generation),
                workspace=claim.workspace,
                version=1,
                claim=claim.id,
                generation=claim.generation,
                name=claim.name,
                retention=claim.retention,
                count=claim.count,
                wake_at=ctx.now + SOON,
            )
        )
    if cluster.terminal:
        # It asks still, so it does not know that what was to serve it has ended.
        over = (ClusterTerminated.of(cluster.level),) if claim.phase is ClaimPhase.OPEN else ()
        return Decision(publish=over)
    if claim.phase is ClaimPhase.CLOSED:
        return close(cluster, "nobody wants it any more", ctx)
    if claim.phase is ClaimPhase.OPEN and cluster.phase is ClusterPhase.UP and (gang := _broken(cluster)):
        lost = _failure("a node was lost before the gang could serve")
        return give_up(cluster.evolve(), gang, ctx, failure=lost)
    if (cluster.name, cluster.retention) != (claim.name, claim.retention):
        return became(cluster.evolve(name=claim.name, retention=claim.retention))
    return Decision()


def observe_newer_claim(cluster: Cluster | None, heard: ClaimEvent, ctx: Ctx) -> Decision[Cluster]:
    """Its claim asks anew, and another cluster answers. What is up stays as long as the claim does."""
    if cluster is None or cluster.terminal:
        return Decision()
    if heard.claim.phase is ClaimPhase.CLOSED or cluster.phase is not ClusterPhase.UP:
        return close(cluster, "its claim has moved on", ctx)
    return Decision()


def close(cluster: Cluster, reason: str, ctx: Ctx) -> Decision[Cluster]:
    """Empty and end every node; those of a launch under way as soon as they are known."""
    if cluster.phase is ClusterPhase.DRAINING:
        return Decision()
    draining = cluster.evolve(
        phase=ClusterPhase.DRAINING,
        reason=reason,
        ranked=(),
        tries=tuple(one for one in cluster.tries if one.came),
        recalled=cluster.under_way,
        wake_at=ctx.now + SOON,
    )
    if draining.is_empty:
        return _terminated(draining)
    return became(draining, ClusterDraining.of(draining.level), *drains(draining, reason))


def observe_placement(cluster: Cluster | None, heard: PlacementEvent, ctx: Ctx) -> Decision[Cluster]:
    """A list of places. While a launch is under way, it is kept for when that fails."""
    placement = heard.placement
    if placement.phase is not PlacementPhase.CHOSEN:
        return Decision()
    if cluster is None:
        # Its claim was missed, and may be closed by now: ask.
        unknown = Cluster(
            id=cluster_id(placement.id, placement.generation),
            workspace=placement.workspace,
            version=1,
            claim=placement.id,
            generation=placement.generation,
            count=placement.count,
            round=placement.round,
            race=placement.race,
            avoid=placement.avoid,
            ranked=placement.ranked,
        )
        return launch_next(unknown, ctx, RestateClaim(id=placement.id, workspace=placement.workspace))
    if cluster.terminal or cluster.phase is ClusterPhase.DRAINING or placement.round <= cluster.round:
        return Decision()
    listed = cluster.evolve(
        round=placement.round,
        race=placement.race,
        avoid=placement.avoid,
        ranked=placement.ranked,
        attempted=(),
    )
    return launch_next(listed, ctx) if listed.phase is ClusterPhase.SEEKING else became(listed)


def observe_launch(cluster: Cluster | None, heard: Launched, ctx: Ctx) -> Decision[Cluster]:
    """The infra answered. The whole gang came, or the next place is tried and what came is given back."""
    answered = _answered(cluster, heard)
    if cluster is None or answered is None:
        return Decision()
    came = {instance.node: NodePhase.BOOTING for instance in heard.instances}
    arrivals = tuple(Arrival(instance=instance, place=answered.place) for instance in heard.instances)
    arrived = cluster.evolve(
        tries=tuple(one.but(came=True) if one.intent == heard.intent else one for one in cluster.tries),
        recalled=tuple(one for one in cluster.recalled if one.intent != heard.intent),
        nodes={**cluster.nodes, **came},
        arrived=(*cluster.arrived, *arrivals),
        wake_at=ctx.now + SOON,
    )
    if answered in cluster.recalled:
        return (
            became(arrived, *drains(arrived, arrived.reason or NOT_WANTED)) if came else _settle(arrived, ctx)
        )
    failure = heard.failure
    if failure is None and came.keys() < set(answered.nodes):
        failure = _not_all_came(len(came), len(answered.nodes))
    return give_up(arrived, answered, ctx, failure=failure) if failure is not None else became(arrived)


def _answered(cluster: Cluster | None, heard: Launched) -> Try | None:
    under_way = cluster.under_way if cluster is not None else ()
    return next((one for one in under_way if one.intent == heard.intent), None)


def _not_all_came(came: int, count: int) -> Failure:
    return Failure(kind=FailureKind.CAPACITY, scope=Scope.OFFER, message=f"{came} of {count} nodes came")


def observe_node(cluster: Cluster | None, heard: NodeEvent, ctx: Ctx) -> Decision[Cluster]:
    """One of its nodes has moved."""
    node = heard.node
    if cluster is None or cluster.terminal or cluster.nodes.get(node.id, node.phase) is node.phase:
        return Decision()
    nodes = {**cluster.nodes, node.id: node.phase}
    if node.phase in ENDED_NODE_PHASES:
        del nodes[node.id]
    return _settle(cluster.evolve(nodes=nodes), ctx, why=node.reason)


def _settle(cluster: Cluster, ctx: Ctx, *, why: str = "") -> Decision[Cluster]:
    """`cluster` has just evolved: what follows from where its nodes are."""
    gang = _broken(cluster)
    match cluster.phase:
        case ClusterPhase.DRAINING | ClusterPhase.UP if cluster.is_empty:
            return _terminated(cluster)
        case ClusterPhase.LAUNCHING if gang is not None:
            return give_up(cluster, gang, ctx, failure=_failure(why or "a node ended"))
        case ClusterPhase.UP if gang is not None:
            # Only a claim that still asks minds: one that was served has said what it wants instead.
            return became(cluster, RestateClaim(id=cluster.claim, workspace=cluster.workspace))
        case _:
            return became(cluster)


def wake(cluster: Cluster, ctx: Ctx) -> Decision[Cluster]:
    """Nobody called: ask all who may have spoken unheard, and say again what it wants of them."""
    at_rest = cluster.phase is ClusterPhase.UP and not cluster.unwanted and not cluster.under_way
    again = cluster.evolve(wake_at=ctx.now + (LATER if at_rest else SOON))
    ask: list[Message] = [RestateClaim(id=cluster.claim, workspace=cluster.workspace)]
    ask += [RestateNode(id=node, workspace=cluster.workspace) for node in cluster.nodes]
    ask += drains(cluster, cluster.reason or NOT_WANTED)
    if cluster.phase is ClusterPhase.SEEKING:
        ask.append(RestatePlacement(id=cluster.claim, workspace=cluster.workspace))
        if cluster.round:
            ask.append(next_round(cluster))
    return became(again, *ask, do=tuple(orders.launch(cluster, one) for one in cluster.under_way))


def _broken(cluster: Cluster) -> Try | None:
    """A gang of which a node has ended, or is about to."""
    staying = {node for node, phase in cluster.nodes.items() if phase not in LEAVING}
    return next((one for one in cluster.tries if one.came and not staying.issuperset(one.nodes)), None)


def _failure(why: str) -> Failure:
    return Failure(kind=FailureKind.TRANSIENT, scope=Scope.OFFER, message=why)


def _terminated(cluster: Cluster) -> Decision[Cluster]:
    over = cluster.but(phase=ClusterPhase.TERMINATED, wake_at=None)
    return became(over, ClusterTerminated.of(over.level))
