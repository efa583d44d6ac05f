"""Gangs that boot, one or several at once: the first that is whole is kept, and nothing else is ever used."""

from collections.abc import Iterable

import pytest

from tests.unit.provisioner.given import NOW, claim, launched, place, placement, refusal, said
from tests.unit.provisioner.world import SEED, World, ends, found, surveyed
from tradewind.common.contracts.allocation import ClaimPhase
from tradewind.common.contracts.node import (
    ClusterPhase,
    ClusterProvisioning,
    ClusterUp,
    DrainNode,
    NodeEvent,
    NodePhase,
    NodeReady,
)
from tradewind.common.contracts.placement import NextRound
from tradewind.common.contracts.registry import Message
from tradewind.common.contracts.values import Region
from tradewind.provisioner.contracts import LaunchOrder, ReclaimNoticed, Terminated
from tradewind.provisioner.domain import orders
from tradewind.provisioner.domain.model import Cluster, Try

A, B, C = place("aws"), place("gcp", "eu", "eu-a"), place("azure", "north", "")
LAUNCHING, UP = ClusterPhase.LAUNCHING, ClusterPhase.UP


def racing(*, race: int = 2) -> World:
    world = World(SEED)
    world.hear(claim())
    world.hear(placement(A, B, C, race=race))
    return world


def cluster(world: World) -> Cluster:
    (only,) = world.clusters
    return only


def lane(world: World, at: int) -> Try:
    return cluster(world).tries[at]


def answer(world: World, tried: Try, came: int = 2, *, refused: bool = False) -> None:
    at = cluster(world).under_way.index(tried)
    world.hear(launched(cluster(world), came, failure=refusal() if refused else None, lane=at))


def speak(world: World, nodes: Iterable[str]) -> None:
    world.hear(*(said(node=node) for node in nodes))


def told(world: World, kind: type[Message]) -> list[Message]:
    return [one.message for one in world.last.outbox if isinstance(one.message, kind)]


def drained(world: World) -> list[str]:
    return [one.id for one in told(world, DrainNode) if isinstance(one, DrainNode)]


def ready(world: World) -> set[str]:
    return {node.id for node in world.nodes if node.phase is NodePhase.READY}


def heed(world: World) -> None:
    """What it says to itself is heard, until nothing follows."""
    while own := [one.message for one in world.last.outbox if isinstance(one.message, DrainNode | NodeEvent)]:
        world.hear(*own)


def launches(world: World) -> list[LaunchOrder]:
    return [one.payload for one in world.last.intents if isinstance(one.payload, LaunchOrder)]


def test_a_node_is_ready_when_its_gang_is_whole() -> None:
    world = racing(race=1)
    answer(world, lane(world, 0))
    first, second = lane(world, 0).nodes
    speak(world, [first])
    assert (world.told, ready(world), cluster(world).phase) == ([], set(), LAUNCHING)
    speak(world, [second])
    assert world.told == [NodeReady, NodeReady, ClusterUp]
    assert (ready(world), cluster(world).phase, cluster(world).level.nodes) == (
        {first, second},
        UP,
        (first, second),
    )
    heed(world)
    assert (cluster(world).phase, cluster(world).under_way) == (UP, ())


def test_a_census_made_anew_sees_a_gang_that_became_whole() -> None:
    world = racing(race=1)
    answer(world, lane(world, 0))
    for node in lane(world, 0).nodes:
        speak(world, [node])
        world.census = type(world.census)(world.rows.values())
    assert cluster(world).phase is UP


def test_agents_that_spoke_before_their_launch_was_reported_are_heard_again() -> None:
    world = racing(race=1)
    nodes = lane(world, 0).nodes
    speak(world, nodes)
    answer(world, lane(world, 0))
    assert ready(world) == set()
    speak(world, nodes)
    assert ready(world) == set(nodes)


def test_as_many_places_are_tried_at_once_as_may_race() -> None:
    world = racing()
    assert [order.place for order in launches(world)] == [A, B]
    assert len({node for order in launches(world) for node in order.nodes}) == 4
    assert (cluster(world).level.place, cluster(world).ranked) == (A, (C,))
    assert len(told(world, ClusterProvisioning)) == 1


def test_where_nobody_wants_to_go_does_not_race() -> None:
    """Else the region that was just lost may win because it boots faster."""
    world = World(SEED)
    world.hear(claim())
    world.hear(placement(A, B, C, race=3, avoid=(Region(infra=C.infra, region=C.region),)))
    assert [order.place for order in launches(world)] == [A, B]
    answer(world, lane(world, 0), came=0, refused=True)
    assert (launches(world), cluster(world).ranked) == ([], (C,))
    answer(world, lane(world, 0), came=0, refused=True)
    assert [order.place for order in launches(world)] == [C]


def test_the_first_whole_gang_is_kept_and_the_other_given_back() -> None:
    world = racing()
    slow, fast = lane(world, 0), lane(world, 1)
    answer(world, slow)
    answer(world, fast)
    speak(world, slow.nodes[:1])
    speak(world, fast.nodes)
    assert (ready(world), cluster(world).level.place) == (set(fast.nodes), B)
    assert drained(world) == list(slow.nodes)
    heed(world)
    assert {world.node(one).phase for one in slow.nodes} == {NodePhase.TERMINATING}
    speak(world, slow.nodes)
    assert ready(world) == set(fast.nodes)
    world.hear(*(Terminated(intent="x", target=one, ended_at=NOW) for one in slow.nodes))
    heed(world)
    assert (cluster(world).phase, list(cluster(world).nodes)) == (UP, list(fast.nodes))


def test_two_gangs_that_become_whole_together_are_not_both_kept() -> None:
    world = racing()
    first, second = cluster(world).tries
    answer(world, first)
    answer(world, second)
    speak(world, [*second.nodes, *first.nodes])
    assert (ready(world), cluster(world).place) == (set(first.nodes), A), "the better place"
    assert drained(world) == list(second.nodes)


@pytest.mark.parametrize("came", [0, 1, 2])
def test_a_launch_that_lost_the_race_is_ended_as_soon_as_it_is_known(came: int) -> None:
    world = racing()
    slow, fast = cluster(world).tries
    answer(world, fast)
    speak(world, fast.nodes)
    assert (cluster(world).phase, cluster(world).recalled, drained(world)) == (UP, (slow,), [])
    assert ends(world.hear(surveyed(*map(found, [*slow.nodes, *fast.nodes]), seconds=1))) == [], "not a stray"
    world.ring(seconds=90)
    assert [order.place for order in launches(world)] == [A], "its answer is still wanted"
    answer(world, slow, came, refused=came < 2)
    assert (drained(world), cluster(world).recalled) == (list(slow.nodes[:came]), ())
    assert not told(world, NextRound)
    heed(world)
    assert all(world.node(one).phase is NodePhase.TERMINATING for one in slow.nodes[:came])
    assert ready(world) == set(fast.nodes)


def test_a_refusal_frees_a_lane_for_the_next_place_and_leaves_the_other_alone() -> None:
    world = racing()
    first, second = cluster(world).tries
    answer(world, first)
    answer(world, second, 1, refused=True)
    assert ([order.place for order in launches(world)], drained(world)) == ([C], list(second.nodes[:1]))
    assert [one.place for one in cluster(world).tries] == [A, C]
    speak(world, first.nodes)
    assert (cluster(world).place, [one.place for one in cluster(world).recalled]) == (A, [C])


def test_the_next_round_is_asked_for_when_the_last_lane_has_refused() -> None:
    world = racing(race=3)
    for left in (2, 1):
        answer(world, lane(world, 0), 0, refused=True)
        assert (cluster(world).phase, len(cluster(world).tries), launches(world)) == (LAUNCHING, left, [])
    answer(world, lane(world, 0), 0, refused=True)
    (asked,) = told(world, NextRound)
    assert isinstance(asked, NextRound)
    assert [one.place for one in asked.attempted] == [A, B, C]
    assert cluster(world).phase is ClusterPhase.SEEKING


def test_a_booting_node_that_is_to_be_reclaimed_costs_its_gang_the_lane_at_once() -> None:
    world = racing()
    first, second = cluster(world).tries
    answer(world, first)
    answer(world, second)
    hit, other = first.nodes
    world.hear(ReclaimNoticed(intent="x", target=hit, reclaim_at=NOW))
    heed(world)
    speak(world, [other])
    assert [one.place for one in cluster(world).tries] == [B, C]
    assert {world.node(one).phase for one in first.nodes} == {NodePhase.TERMINATING}
    assert {world.node(one).phase for one in second.nodes} == {NodePhase.BOOTING}


def test_a_gang_that_is_to_be_reclaimed_before_it_could_serve_is_given_up() -> None:
    world = racing(race=1)
    kept = lane(world, 0)
    answer(world, kept)
    speak(world, kept.nodes)
    world.hear(ReclaimNoticed(intent="x", target=kept.nodes[0], reclaim_at=NOW))
    heed(world)
    world.hear(claim(version=2))
    assert ([order.place for order in launches(world)], drained(world)) == ([B], [kept.nodes[1]])


def test_a_claim_that_closes_ends_every_lane() -> None:
    world = racing()
    first, second = cluster(world).tries
    answer(world, first)
    world.hear(claim(ClaimPhase.CLOSED, version=2))
    assert (cluster(world).phase, drained(world)) == (ClusterPhase.DRAINING, list(first.nodes))
    assert cluster(world).under_way == (second,)
    answer(world, second)
    assert set(drained(world)) == {*first.nodes, *second.nodes}
    heed(world)
    for node in world.nodes:
        world.hear(Terminated(intent="x", target=node.id, ended_at=node.launched_at))
        heed(world)
    assert cluster(world).phase is ClusterPhase.TERMINATED


def test_a_sweep_never_ends_a_machine_of_any_lane() -> None:
    world = racing(race=3)
    nodes = [node for one in cluster(world).tries for node in one.nodes]
    assert ends(world.hear(surveyed(*map(found, [*nodes, "stray"]), seconds=1))) == ["stray"]
    answer(world, lane(world, 1), 1, refused=True)
    came = lane(world, 1)
    assert ends(world.hear(surveyed(*map(found, nodes[:3]), seconds=2))) == []
    assert orders.LAUNCH not in world.done
    assert came
