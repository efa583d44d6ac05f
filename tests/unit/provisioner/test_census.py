"""What follows from several rows at once, folded as the leader does it."""

from datetime import timedelta

import pytest

from tests.unit.provisioner.given import (
    CTX,
    NOW,
    ROOM,
    claim,
    cluster,
    launched,
    node,
    place,
    placement,
    refusal,
)
from tests.unit.provisioner.world import SEED, World, ends, found, surveyed
from tradewind.common.contracts.allocation import ClaimPhase
from tradewind.common.contracts.node import (
    ClusterPhase,
    DrainNode,
    InfraRestated,
    InfraSurveyed,
    NodeBooting,
    NodeLost,
    NodePhase,
    OwnOffer,
)
from tradewind.common.contracts.values import Place
from tradewind.common.reactor.aggregate import Ref
from tradewind.common.reactor.wiring import Alarm
from tradewind.provisioner.contracts import InstanceGone, Terminated
from tradewind.provisioner.domain import cluster as clusters
from tradewind.provisioner.domain import orders
from tradewind.provisioner.domain.model import Cluster, Node
from tradewind.provisioner.domain.plan import Census

OWN = Place(infra="aws", instance_type="own", room=ROOM, price_usd_h=0)


def launching() -> Cluster:
    begun = clusters.observe_placement(cluster(), placement(place(), place(zone="us-b")), CTX).state
    assert isinstance(begun, Cluster)
    return begun


@pytest.mark.parametrize(("came", "failure"), [(2, None), (1, refusal())])
def test_every_machine_that_came_has_a_node_in_the_same_transaction(came: int, failure: object) -> None:
    begun = launching()
    world = World(SEED, begun)
    outcome = world.hear(launched(begun, came).but(failure=failure))
    nodes = [row for row in outcome.rows.values() if isinstance(row, Node)]
    assert [node.id for node in nodes] == list(begun.tries[0].nodes[:came])
    assert all(
        (node.phase, node.place, node.cluster, node.wake_at is not None)
        == (NodePhase.BOOTING, begun.place, begun.id, True)
        for node in nodes
    )
    assert world.told.count(NodeBooting) == came
    assert world.told.count(DrainNode) == (came if failure else 0)
    world.hear(launched(begun, came))
    assert not world.last.rows, "a report that comes twice makes no second row"


def test_the_first_survey_says_what_the_infra_is_and_the_next_only_what_changed() -> None:
    world = World(SEED)
    world.hear(Alarm(kind="infra", id="aws"))
    assert world.done == [orders.SURVEY]
    world.hear(surveyed())
    assert world.told == [InfraSurveyed]
    world.hear(surveyed(seconds=60), seconds=60)
    assert world.told == []
    world.hear(surveyed(enabled=False, why="no credentials", seconds=120), seconds=120)
    assert world.told == [InfraSurveyed]
    assert world.infra.level.why == "no credentials"
    world.hear(surveyed(enabled=False, why="no credentials", seconds=800), seconds=800)
    assert world.told == [InfraRestated]


def test_a_survey_under_way_is_asked_for_again_under_its_intent() -> None:
    world = World(SEED)
    first = world.hear(Alarm(kind="infra", id="aws")).intents
    assert world.hear(Alarm(kind="infra", id="aws"), seconds=60).intents == first
    world.hear(surveyed(), seconds=61)
    assert world.hear(Alarm(kind="infra", id="aws"), seconds=120).intents != first


def test_a_machine_that_belongs_to_nobody_is_ended() -> None:
    world = World(SEED, node())
    assert ends(world.hear(surveyed(found("n"), found("stray"), seconds=1))) == ["stray"]
    assert ends(world.hear(surveyed(found("n"), seconds=60))) == []


def test_what_is_left_of_an_ended_node_is_removed() -> None:
    world = World(SEED, node())
    world.hear(InstanceGone(intent="x", target="n", ended_at=NOW))
    assert ends(world.hear(surveyed(found("n", alive=False), seconds=60), seconds=60)) == ["n"]


@pytest.mark.parametrize(
    ("alive", "seconds", "ended"),
    [(True, 30, []), (True, 59, []), (True, 70, ["n"]), (False, 30, ["n"])],
    ids=["a ghost", "a ghost of a minute", "it lives after all", "what is left of it"],
)
def test_a_list_that_lags_shows_ghosts(alive: bool, seconds: float, ended: list[str]) -> None:
    """A node that was terminated at 5 s, in a survey that begins `seconds` after NOW."""
    world = World(SEED, node(NodePhase.TERMINATING))
    world.hear(Terminated(intent="x", target="n", ended_at=NOW + timedelta(seconds=5)), seconds=6)
    world.hear(surveyed(found("n", alive=alive), seconds=seconds), seconds=seconds)
    assert ends(world.last) == ended
    assert (world.node().phase, world.node().ended_at) == (NodePhase.TERMINATED, NOW + timedelta(seconds=5))


def test_a_ghost_that_is_ended_again_changes_no_cost() -> None:
    world = World(SEED, node(NodePhase.TERMINATING))
    for end in (5, 500):
        world.hear(Terminated(intent="x", target="n", ended_at=NOW + timedelta(seconds=end)), seconds=600)
    assert (world.node().cost_usd, world.last.rows) == (0.005, {})


def test_a_survey_that_began_before_a_launch_was_answered_ends_nothing_of_it() -> None:
    begun = launching()
    world = World(SEED, begun)
    world.hear(launched(begun, 1, failure=refusal()), seconds=2)
    came = begun.tries[0].nodes[0]
    late = world.hear(surveyed(found(came), seconds=1), seconds=3)
    assert (ends(late), orders.LOOK in world.done) == ([], False)


def test_a_machine_that_came_though_its_launch_said_otherwise_is_ended() -> None:
    begun = launching()
    world = World(SEED, begun)
    world.hear(launched(begun, 0, failure=refusal()), seconds=2)
    assert ends(world.hear(surveyed(*map(found, begun.tries[0].nodes), seconds=3), seconds=3)) == list(
        begun.tries[0].nodes
    )


def test_a_launch_under_way_has_no_orphans() -> None:
    begun = launching()
    first, second = begun.tries[0].nodes
    world = World(SEED, begun)
    assert ends(world.hear(surveyed(found(first), found(second), seconds=1))) == []
    closed = world.hear(claim(ClaimPhase.CLOSED, version=2))
    assert closed.rows[begun.ref].phase_name == ClusterPhase.DRAINING
    assert ends(world.hear(surveyed(found(first), seconds=2))) == []


def test_a_dead_machine_is_a_lost_node() -> None:
    world = World(SEED, node())
    world.hear(surveyed(found("n", alive=False), seconds=1))
    assert world.told[-1] is NodeLost
    assert ends(world.last) == ["n"]


def test_a_dead_machine_has_cost_what_it_had_when_it_died() -> None:
    """Found by the simulator: it was charged for until the survey that found it."""
    world = World(SEED, node())
    dead = found("n", alive=False).but(ended_at=NOW + timedelta(seconds=10))
    world.hear(surveyed(dead, seconds=50))
    lost = world.rows[Ref("node", "n")]
    assert isinstance(lost, Node)
    assert lost.ended_at == NOW + timedelta(seconds=10)


@pytest.mark.parametrize(
    ("changes", "looks"),
    [
        ({}, [orders.LOOK]),
        ({"complete": False}, []),
        ({"enabled": False, "complete": False}, []),
        ({"taken_at": NOW - timedelta(seconds=1)}, []),
    ],
)
def test_a_machine_that_a_whole_survey_misses_is_looked_for(
    changes: dict[str, object], looks: list[str]
) -> None:
    world = World(SEED, node())
    world.hear(surveyed(seconds=1, **changes))
    assert (world.done, world.rows[node().ref].phase_name) == (looks, NodePhase.READY)


def test_nodes_of_another_infra_are_none_of_its_business() -> None:
    world = World(SEED, node(place=place("gcp")))
    world.hear(surveyed(seconds=1))
    assert world.done == []


def test_an_infra_with_offers_of_its_own_is_looked_at_when_nodes_come_or_go() -> None:
    own = SEED.but(offers=(OwnOffer(place=OWN, max_nodes=2),))
    begun = launching()
    world = World(own, begun)
    world.hear(launched(begun))
    assert world.done == [orders.SURVEY]
    survey = world.last.intents[0].id
    world.hear(InstanceGone(intent="x", target=begun.tries[0].nodes[0], ended_at=NOW))
    assert orders.SURVEY not in world.done, "one at a time"
    world.hear(surveyed(intent=survey, offers=own.offers))
    assert world.done.count(orders.SURVEY) == 1, "it began before the last change"
    world.hear(surveyed(intent=world.last.intents[-1].id, offers=own.offers))
    assert orders.SURVEY not in world.done


def test_an_infra_of_the_catalog_is_not() -> None:
    begun = launching()
    world = World(SEED, begun)
    world.hear(launched(begun))
    assert world.done == []


def test_a_census_made_anew_knows_what_the_old_one_knew() -> None:
    begun = launching()
    world = World(SEED, begun, node())
    world.census = Census(world.rows.values())
    assert ends(world.hear(surveyed(found("n"), *map(found, begun.tries[0].nodes), found("stray")))) == [
        "stray"
    ]


def test_a_claim_and_its_placement_share_an_id_and_have_versions_of_their_own() -> None:
    world = World(SEED)
    world.hear(claim(version=1))
    world.hear(placement(place(), version=9))
    world.hear(claim(ClaimPhase.CLOSED, version=2))
    assert [row.phase_name for row in world.rows.values() if isinstance(row, Cluster)] == ["draining"]
