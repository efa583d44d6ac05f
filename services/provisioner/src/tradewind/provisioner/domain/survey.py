"""A survey held against the rows: machines of no node, nodes of no machine.

Lists lag. A machine may be missing because it is younger than the list, or be shown though it has ended
since. So what is unseen is asked for, and what is seen without a node is ended by a call that does nothing to
one that has ended already.
"""

from collections.abc import Collection, Container, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from tradewind.common.contracts.node import NodePhase
from tradewind.common.reactor.decision import Ctx, Decision, Intent
from tradewind.provisioner.contracts import Found
from tradewind.provisioner.domain import node as nodes
from tradewind.provisioner.domain import orders
from tradewind.provisioner.domain.herd import is_many
from tradewind.provisioner.domain.model import Node, Survey
from tradewind.provisioner.domain.node_end import lose, terminate

LAG = timedelta(minutes=1)
"""A list may be as old as this."""
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def strays(
    infra: str,
    survey: Survey,
    *,
    known: Container[str],
    coming: Container[str],
    ended: Mapping[str, datetime],
) -> tuple[Intent, ...]:
    """Ends of the machines that belong to no node, and to no launch under way. Nodes that have `ended` may be
    seen for a while as if they lived.
    """
    return tuple(
        orders.terminate(infra, found.node, found.name)
        for found in survey.found
        if found.node not in known
        and found.node not in coming
        and not (found.alive and survey.taken_at - ended.get(found.node, LONG_AGO) < LAG)
    )


def compare(known: Collection[Node], survey: Survey, ctx: Ctx) -> Iterator[Decision[Node]]:
    """What the survey says of the nodes of its infra that were there before it began."""
    seen = {found.node: found for found in survey.found}
    elder = [node for node in known if node.known_since < survey.taken_at]
    for node in elder:
        if node.id in seen:
            yield _seen(node, seen[node.id], ctx, at=survey.taken_at)
    if survey.complete:
        # The end of a terminating one is reported anyway.
        unseen = [node for node in elder if node.id not in seen and node.phase is not NodePhase.TERMINATING]
        many = is_many(len(unseen), len(elder))
        for node in unseen:
            yield _missing(node, survey, ctx) if many else nodes.look_for(node.evolve(), ctx)


def _seen(node: Node, found: Found, ctx: Ctx, *, at: datetime) -> Decision[Node]:
    if not found.alive:
        return lose(node, found.ended_at or at, "its infra found it dead")
    if found.reclaim_at is not None:
        return nodes.notice_reclaim(node, found.reclaim_at, ctx)
    return Decision()


def _missing(node: Node, survey: Survey, ctx: Ctx) -> Decision[Node]:
    """Together with many others: its infra is not asked for each. Two witnesses suffice, the list and its own
    silence. What it has cost is known when what is left of it is removed.
    """
    spoke = node.boot != "" and node.known_since + LAG < survey.taken_at
    if not spoke or ctx.now - node.heard_at <= nodes.SILENCE:
        return Decision()
    ends_as = NodePhase.FAILED if node.phase is NodePhase.BOOTING else NodePhase.LOST
    return terminate(node.evolve(ends_as=ends_as), "its infra has it no more", ctx)
