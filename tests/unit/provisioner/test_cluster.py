"""The way of a cluster: from a claim along a list of places to a gang that is up, and to its end."""

import pytest

from tests.unit.provisioner.given import (
    CTX,
    after,
    claim,
    cluster,
    launched,
    node_event,
    place,
    placement,
    refusal,
    state,
    told,
)
from tradewind.common.contracts.allocation import ClaimPhase, RestateClaim
from tradewind.common.contracts.node import (
    ClusterDraining,
    ClusterPhase,
    ClusterProvisioning,
    ClusterSeeking,
    ClusterTerminated,
    DrainNode,
    NodePhase,
    RestateNode,
)
from tradewind.common.contracts.placement import NextRound, PlacementPhase, RestatePlacement
from tradewind.common.contracts.values import Failure, FailureKind, Place, Retention, Scope
from tradewind.provisioner.contracts import LaunchOrder
from tradewind.provisioner.domain import cluster as rules
from tradewind.provisioner.domain.model import Cluster
from tradewind.provisioner.domain.walk import keep

HERE, THERE = place(zone="us-a"), place(zone="us-b")


def launching(*places: Place) -> Cluster:
    return state(rules.observe_placement(cluster(), placement(*(places or (HERE, THERE))), CTX))


def booting() -> Cluster:
    begun = launching()
    return state(rules.observe_launch(begun, launched(begun), CTX)).but(arrived=())


def up() -> Cluster:
    gang = booting()
    return state(keep(gang, gang.tries[0], CTX))


def test_an_open_claim_makes_a_cluster_that_knows_its_name_and_waits() -> None:
    decision = rules.observe_claim(None, claim(), CTX)
    made = state(decision)
    assert (made.phase, made.name, made.retention, made.count) == (
        ClusterPhase.SEEKING,
        "big",
        Retention.NAMED,
        2,
    )
    assert made.id == cluster().id
    assert (decision.publish, decision.do) == ((), ())


@pytest.mark.parametrize("phase", [ClaimPhase.SERVED, ClaimPhase.CLOSED])
def test_a_claim_that_asks_for_nothing_makes_none(phase: ClaimPhase) -> None:
    assert rules.observe_claim(None, claim(phase), CTX).state is None


def test_a_list_of_places_begins_a_launch_at_the_best() -> None:
    decision = rules.observe_placement(cluster(), placement(HERE, THERE), CTX)
    begun = state(decision)
    assert (begun.phase, begun.place, begun.ranked) == (ClusterPhase.LAUNCHING, HERE, (THERE,))
    assert told(decision, ClusterProvisioning)[0].cluster.place == HERE
    order = decision.do[0].payload
    assert isinstance(order, LaunchOrder)
    assert order.nodes == begun.tries[0].nodes
    assert (len(set(order.nodes)), decision.do[0].id) == (2, begun.tries[0].intent)


def test_a_list_whose_claim_was_missed_asks_for_the_claim() -> None:
    decision = rules.observe_placement(None, placement(HERE), CTX)
    assert state(decision).phase is ClusterPhase.LAUNCHING
    assert told(decision, RestateClaim)[0].id == "claim"


@pytest.mark.parametrize("phase", sorted(set(PlacementPhase) - {PlacementPhase.CHOSEN}))
def test_without_a_list_nothing_is_launched(phase: PlacementPhase) -> None:
    assert rules.observe_placement(None, placement(HERE, phase=phase), CTX).state is None
    assert rules.observe_placement(cluster(), placement(HERE, phase=phase), CTX).state is None


def test_the_same_list_again_changes_nothing() -> None:
    assert rules.observe_placement(launching(), placement(HERE, THERE), CTX).state is None


def test_the_whole_gang_came() -> None:
    begun = launching()
    decision = rules.observe_launch(begun, launched(begun), CTX)
    arrived = state(decision)
    assert (arrived.gang, len(arrived.arrived), arrived.under_way) == (tuple(arrived.nodes), 2, ())
    assert (decision.publish, decision.do) == ((), ())


def test_a_report_of_another_launch_is_no_news() -> None:
    begun = launching()
    stale = launched(begun).but(intent="older")
    assert rules.observe_launch(begun, stale, CTX).state is None
    assert rules.observe_launch(booting(), launched(begun), CTX).state is None


@pytest.mark.parametrize("came", [0, 1])
@pytest.mark.parametrize("failure", [refusal(), None])
def test_half_a_gang_is_given_back_and_the_next_place_tried(came: int, failure: Failure | None) -> None:
    begun = launching()
    report = launched(begun, came).but(failure=failure)
    decision = rules.observe_launch(begun, report, after(seconds=1))
    moved_on = state(decision)
    assert (moved_on.place, moved_on.gang) == (THERE, ())
    assert [drain.id for drain in told(decision, DrainNode)] == list(begun.tries[0].nodes[:came])
    assert len(moved_on.arrived) == came, "what came costs, so it gets a node"
    assert not set(moved_on.tries[0].nodes) & set(begun.tries[0].nodes)


def test_an_exhausted_list_asks_for_the_next_round() -> None:
    begun = launching(HERE)
    failure = refusal(Scope.INFRA, FailureKind.AUTH)
    decision = rules.observe_launch(begun, launched(begun, 0, failure=failure), CTX)
    seeking = state(decision)
    assert (seeking.phase, seeking.tries, seeking.place) == (ClusterPhase.SEEKING, (), None)
    asked = told(decision, NextRound)[0]
    assert (asked.id, asked.generation, asked.round) == ("claim", 1, 1)
    assert [(one.place, one.failure) for one in asked.attempted] == [(HERE, failure)]
    assert told(decision, ClusterSeeking)[0].cluster.failures == (failure,)


def test_the_next_round_launches_again() -> None:
    begun = launching(HERE)
    seeking = state(rules.observe_launch(begun, launched(begun, 0, failure=refusal()), CTX))
    again = state(rules.observe_placement(seeking, placement(THERE, round=2), CTX))
    assert (again.phase, again.place, again.attempted) == (ClusterPhase.LAUNCHING, THERE, ())


def test_a_newer_list_is_kept_while_a_launch_is_under_way() -> None:
    begun = launching(HERE)
    listed = state(rules.observe_placement(begun, placement(THERE, round=2), CTX))
    assert (listed.tries, listed.ranked, listed.round) == (begun.tries, (THERE,), 2)
    moved_on = state(rules.observe_launch(listed, launched(begun, 0, failure=refusal()), CTX))
    assert moved_on.place == THERE


@pytest.mark.parametrize("end", [NodePhase.FAILED, NodePhase.LOST, NodePhase.TERMINATED])
def test_a_gang_that_breaks_before_it_is_up_is_launched_elsewhere(end: NodePhase) -> None:
    gang = booting()
    first, second = gang.gang
    decision = rules.observe_node(gang, node_event(first, end), CTX)
    moved_on = state(decision)
    assert (moved_on.phase, moved_on.place) == (ClusterPhase.LAUNCHING, THERE)
    assert [drain.id for drain in told(decision, DrainNode)] == [second]
    assert tuple(moved_on.nodes) == (second,)


def test_what_is_left_of_a_given_up_gang_does_not_count() -> None:
    gang = booting()
    first, second = gang.gang
    moved_on = state(rules.observe_node(gang, node_event(first, NodePhase.FAILED), CTX))
    after_end = state(rules.observe_node(moved_on, node_event(second, NodePhase.TERMINATED), CTX))
    assert (after_end.phase, after_end.tries) == (ClusterPhase.LAUNCHING, moved_on.tries)


def test_a_cluster_that_is_up_outlives_a_lost_node_but_not_the_last() -> None:
    gang = up()
    first, second = gang.gang
    smaller = rules.observe_node(gang, node_event(first, NodePhase.LOST), CTX)
    assert state(smaller).phase is ClusterPhase.UP
    over = rules.observe_node(state(smaller), node_event(second, NodePhase.LOST), CTX)
    assert told(over, ClusterTerminated)
    assert state(over).wake_at is None


def test_a_closed_claim_empties_all_nodes_and_ends_when_they_have() -> None:
    gang = up()
    decision = rules.observe_claim(gang, claim(ClaimPhase.CLOSED), CTX)
    assert told(decision, ClusterDraining)
    assert [drain.id for drain in told(decision, DrainNode)] == list(gang.gang)
    draining = state(decision)
    for node in gang.gang:
        decision = rules.observe_node(draining, node_event(node, NodePhase.TERMINATED), CTX)
        draining = state(decision)
    assert told(decision, ClusterTerminated)


def test_a_claim_that_closes_during_a_launch_is_remembered_until_the_launch_is_known() -> None:
    begun = launching()
    draining = state(rules.observe_claim(begun, claim(ClaimPhase.CLOSED), CTX))
    assert (draining.phase, draining.recalled) == (ClusterPhase.DRAINING, begun.tries)
    decision = rules.observe_launch(draining, launched(begun), CTX)
    assert [drain.id for drain in told(decision, DrainNode)] == list(state(decision).nodes)
    assert len(state(decision).arrived) == 2


def test_a_claim_that_closes_during_a_launch_that_fails_ends_at_once() -> None:
    begun = launching()
    draining = state(rules.observe_claim(begun, claim(ClaimPhase.CLOSED), CTX))
    decision = rules.observe_launch(draining, launched(begun, 0, failure=refusal()), CTX)
    assert told(decision, ClusterTerminated)
    assert not told(decision, NextRound)


def test_a_claim_that_closes_before_any_list_ends_at_once_and_a_late_list_finds_it_so() -> None:
    over = state(rules.observe_claim(cluster(), claim(ClaimPhase.CLOSED), CTX))
    assert over.terminal
    late = rules.observe_placement(over, placement(HERE), CTX)
    assert (late.state, late.do) == (None, ())


def test_a_draining_cluster_takes_no_list() -> None:
    draining = state(rules.observe_claim(up(), claim(ClaimPhase.CLOSED), CTX))
    assert rules.observe_placement(draining, placement(THERE, round=2), CTX).state is None


@pytest.mark.parametrize(
    ("phase", "closes"), [(ClaimPhase.OPEN, False), (ClaimPhase.SERVED, False), (ClaimPhase.CLOSED, True)]
)
def test_what_is_up_serves_its_claim_also_when_that_asks_for_more(phase: ClaimPhase, closes: bool) -> None:
    decision = rules.observe_newer_claim(up(), claim(phase, generation=2), CTX)
    assert bool(told(decision, ClusterDraining)) == closes


def test_what_is_not_up_leaves_its_claim_to_the_newer_cluster() -> None:
    assert state(rules.observe_newer_claim(cluster(), claim(generation=2), CTX)).terminal
    assert (
        state(rules.observe_newer_claim(launching(), claim(generation=2), CTX)).phase is ClusterPhase.DRAINING
    )


def test_a_cluster_that_seeks_asks_everybody_again() -> None:
    begun = launching(HERE)
    seeking = state(rules.observe_launch(begun, launched(begun, 0, failure=refusal()), CTX))
    decision = rules.wake(seeking, after(minutes=1))
    assert told(decision, RestateClaim)
    assert told(decision, RestatePlacement)
    assert told(decision, NextRound)[0].round == 1
    assert not told(rules.wake(cluster(), CTX), NextRound), "before the first list there is none to follow"


def test_a_launch_under_way_is_wished_for_again_under_its_token() -> None:
    begun = rules.observe_placement(cluster(), placement(HERE), CTX)
    assert rules.wake(state(begun), after(minutes=1)).do == begun.do


def test_a_draining_cluster_says_again_what_it_wants_of_its_nodes() -> None:
    draining = state(rules.observe_claim(up(), claim(ClaimPhase.CLOSED), CTX))
    first, second = draining.gang
    draining = state(rules.observe_node(draining, node_event(first, NodePhase.DRAINING), CTX))
    decision = rules.wake(draining, after(minutes=1))
    assert [drain.id for drain in told(decision, DrainNode)] == [second]
    assert [ask.id for ask in told(decision, RestateNode)] == [first, second]


def test_a_cluster_that_has_ended_tells_a_claim_that_still_asks() -> None:
    """Found by the simulator: a claim waited for ever for a gang that had come up, unheard, and was lost."""
    over = cluster(ClusterPhase.TERMINATED, wake_at=None)
    assert told(rules.observe_claim(over, claim(), CTX), ClusterTerminated)[0].cluster == over.level
    assert rules.observe_claim(over, claim(ClaimPhase.CLOSED), CTX).publish == ()


def test_a_gang_that_broke_before_it_could_serve_is_given_up() -> None:
    """Found by the simulator: one of two nodes was lost before the scheduler had heard of the other."""
    gang = up()
    lost, left = gang.gang
    broken = rules.observe_node(gang, node_event(lost, NodePhase.LOST), CTX)
    assert [ask.id for ask in told(broken, RestateClaim)] == [gang.claim]
    assert rules.observe_claim(state(broken), claim(ClaimPhase.SERVED), CTX).do == ()
    decision = rules.observe_claim(state(broken), claim(), CTX)
    again = state(decision)
    assert (again.phase, again.place) == (ClusterPhase.LAUNCHING, THERE)
    assert [drain.id for drain in told(decision, DrainNode)] == [left]
