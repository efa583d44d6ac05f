"""Bugs of the provisioner and the optimizer: launches, surveys, ends of machines, money, places."""

import itertools
from typing import Any

import pytest

from bench.mutants.mutant import Mutant
from tradewind.common.contracts.node import NodePhase
from tradewind.common.contracts.placement import Attempted
from tradewind.common.contracts.values import Failure
from tradewind.common.reactor.decision import Decision
from tradewind.optimizer.domain import decide as placements
from tradewind.provisioner.contracts import Terminated
from tradewind.provisioner.domain import cluster, node, node_end, plan, walk
from tradewind.provisioner.domain.model import Cluster, Try
from tradewind.simulator.cloud import ScriptedCloud


def no_orphan_sweep(patch: pytest.MonkeyPatch) -> None:
    """Machines that belong to no node are left alone."""
    patch.setattr(plan, "strays", lambda infra, survey, **known: ())


def the_sweep_ends_launches_under_way(patch: pytest.MonkeyPatch) -> None:
    """A survey that sees machines of a launch which has not been heard of yet ends them."""
    strays: Any = plan.strays

    def eager(infra: Any, survey: Any, **seen: Any) -> Any:
        return strays(infra, survey, **{**seen, "coming": ()})

    patch.setattr(plan, "strays", eager)


def silence_is_an_end(patch: pytest.MonkeyPatch) -> None:
    """A node whose agent is silent is lost, whatever its infra says."""
    patch.setattr(node, "suspect", lambda row, ctx: node_end.lose(row, ctx.now, "its agent is silent"))


def silent_nodes_are_not_looked_for(patch: pytest.MonkeyPatch) -> None:
    """A node whose agent is silent is suspected, for ever. A survey would find what is gone too: it is not
    compared with what should be there."""
    patch.setattr(plan, "compare", lambda known, survey, ctx: iter(()))
    patch.setattr(node, "look_for", lambda row, ctx: Decision(row))


def a_node_ends_without_being_vacated(patch: pytest.MonkeyPatch) -> None:
    """A node that is told to drain is terminated at once, whatever runs there."""
    drain = node.drain

    def at_once(row: Any, heard: Any, ctx: Any) -> Any:
        if row is not None and row.phase in {NodePhase.READY, NodePhase.SUSPECT}:
            return node_end.terminate(row.evolve(), heard.reason, ctx)
        return drain(row, heard, ctx)

    patch.setattr(node, "drain", at_once)


def a_lost_node_is_counted_twice(patch: pytest.MonkeyPatch) -> None:
    """A machine that is lost, and then removed, has cost its price two times."""
    observe = node_end.observe_termination

    def again(row: Any, heard: Terminated, ctx: Any) -> Any:
        if row is not None and row.phase is NodePhase.LOST:
            more = row.evolve(cost_usd=row.cost_usd + node_end.cost_usd(row, heard.ended_at))
            return Decision(more)
        return observe(row, heard, ctx)

    patch.setattr(node_end, "observe_termination", again)


def cost_begins_with_our_knowing(patch: pytest.MonkeyPatch) -> None:
    """A machine costs from the time at which it was entered, not from its launch."""
    cost_usd = node_end.cost_usd
    patch.setattr(
        node_end, "cost_usd", lambda row, ended_at: cost_usd(row.but(launched_at=row.known_since), ended_at)
    )


def cost_ends_with_our_knowing(patch: pytest.MonkeyPatch) -> None:
    """A machine costs until its end was heard of, not until it ended."""
    observe = node_end.observe_termination

    def late(row: Any, heard: Terminated, ctx: Any) -> Any:
        return observe(row, heard.but(ended_at=ctx.now), ctx)

    patch.setattr(node_end, "observe_termination", late)


def launches_under_new_tokens(patch: pytest.MonkeyPatch) -> None:
    """A hand that tries a launch again asks for other machines."""
    launch = ScriptedCloud.launch
    numbers = itertools.count()

    async def anew(self: ScriptedCloud, order: Any, *, token: str, admissions: Any) -> Any:
        number = next(numbers)
        if any(name in self.machines for name in order.nodes):
            # Else the second machines would take the place of the first ones.
            order = order.but(nodes=tuple(f"{name}/{number}" for name in order.nodes))
        return await launch(self, order, token=f"{token}/{number}", admissions=admissions)

    patch.setattr(ScriptedCloud, "launch", anew)


def partial_gangs_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    """Of a launch that was refused, those machines that came are not given back."""
    observe = cluster.observe_launch

    def forgetful(row: Any, heard: Any, ctx: Any) -> Any:
        return observe(row, heard.but(instances=()) if heard.failure is not None else heard, ctx)

    patch.setattr(cluster, "observe_launch", forgetful)


def half_a_gang_will_do(patch: pytest.MonkeyPatch) -> None:
    """A cluster of which a part came is up."""
    observe = cluster.observe_launch

    def content(row: Any, heard: Any, ctx: Any) -> Any:
        came = tuple(one.node for one in heard.instances)
        if row is None or not came:
            return observe(row, heard, ctx)
        tries = tuple(one.but(nodes=came) if one.intent == heard.intent else one for one in row.tries)
        return observe(row.but(tries=tries), heard.but(failure=None), ctx)

    patch.setattr(cluster, "observe_launch", content)


def a_closed_claim_keeps_its_nodes(patch: pytest.MonkeyPatch) -> None:
    """A cluster does not hear that nobody wants it any more."""
    patch.setattr(cluster, "close", lambda row, reason, ctx: Decision())


def a_hand_that_breaks_is_not_asked_again(patch: pytest.MonkeyPatch) -> None:
    """A cluster that waits for an answer asks nobody."""
    patch.setattr(cluster, "wake", lambda row, ctx: Decision(row.evolve(wake_at=ctx.now + cluster.LATER)))


def an_exhausted_list_is_the_end(patch: pytest.MonkeyPatch) -> None:
    """The optimizer gives one list of places to a claim, and no other."""
    patch.setattr(placements, "next_round", lambda row, heard, ctx: Decision())


def a_placement_outlives_its_claim(patch: pytest.MonkeyPatch) -> None:
    """The optimizer seeks places for claims that are closed."""
    observe = placements.observe_claim

    def faithful(row: Any, heard: Any, ctx: Any) -> Any:
        closed = heard.claim.phase is placements.ClaimPhase.CLOSED
        return Decision() if row is not None and closed else observe(row, heard, ctx)

    patch.setattr(placements, "observe_claim", faithful)


def refusals_speak_for_one_place(patch: pytest.MonkeyPatch) -> None:
    """Of a refusal only the place itself is believed: the next one of its region or infra is tried all the
    same."""

    def narrow(row: Cluster, tried: Try, ctx: Any, *, failure: Failure) -> Any:
        moving_on = row.but(
            reason=failure.message,
            tries=tuple(one for one in row.tries if one.intent != tried.intent),
            attempted=(*row.attempted, Attempted(place=tried.place, failure=failure)),
        )
        return walk.launch_next(moving_on, ctx, *walk.drains(moving_on, failure.message))

    patch.setattr(cluster, "give_up", narrow)


MUTANTS = tuple(
    map(
        Mutant,
        (
            no_orphan_sweep,
            the_sweep_ends_launches_under_way,
            silence_is_an_end,
            silent_nodes_are_not_looked_for,
            a_node_ends_without_being_vacated,
            a_lost_node_is_counted_twice,
            cost_begins_with_our_knowing,
            cost_ends_with_our_knowing,
            launches_under_new_tokens,
            partial_gangs_are_forgotten,
            half_a_gang_will_do,
            a_closed_claim_keeps_its_nodes,
            a_hand_that_breaks_is_not_asked_again,
            an_exhausted_list_is_the_end,
            a_placement_outlives_its_claim,
            refusals_speak_for_one_place,
        ),
    )
)
