"""What an infra takes away: noticed in any phase, ended in any order."""

from datetime import datetime, timedelta

import pytest

from tests.unit.provisioner.given import (
    CTX,
    NOW,
    capacity,
    cluster,
    launched,
    node,
    place,
    placement,
    said,
    told,
)
from tests.unit.provisioner.given import state as state_of
from tests.unit.provisioner.world import SEED, World, ends, found, surveyed
from tradewind.common.contracts.allocation import CapacityPhase
from tradewind.common.contracts.node import (
    ENDED_NODE_PHASES,
    DrainNode,
    NodeEvent,
    NodeFailed,
    NodeLost,
    NodePhase,
    NodeReclaimNoticed,
    NodeTerminated,
    OwnOffer,
)
from tradewind.common.contracts.registry import Message
from tradewind.common.reactor.decision import Ctx
from tradewind.provisioner.contracts import InstanceGone, ReclaimNoticed, Terminated
from tradewind.provisioner.domain import cluster as clusters
from tradewind.provisioner.domain import node as rules
from tradewind.provisioner.domain import orders

NODE = NodePhase
RECLAIM_AT = NOW + timedelta(minutes=2)
NOTICE = ReclaimNoticed(intent="x", target="n", reclaim_at=RECLAIM_AT)
VACATED = capacity(CapacityPhase.VACATED)
DRAIN = DrainNode(id="n", workspace="w", reason="its claim is closed")


def notice(at: datetime = RECLAIM_AT) -> ReclaimNoticed:
    return NOTICE.but(reclaim_at=at)


def gone(seconds: float) -> InstanceGone:
    return InstanceGone(intent="x", target="n", ended_at=NOW + timedelta(seconds=seconds))


def terminated(seconds: float) -> Terminated:
    return Terminated(intent="x", target="n", ended_at=NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize("phase", [NODE.READY, NODE.SUSPECT, NODE.DRAINING])
def test_a_node_that_is_noticed_drains_and_tells_until_when(phase: NodePhase) -> None:
    decision = rules.observe_reclaim(node(phase), NOTICE, Ctx(NOW, "input"))
    level = told(decision, NodeReclaimNoticed)[0].node
    assert (level.phase, level.reclaim_at, level.reason) == (
        NODE.DRAINING,
        RECLAIM_AT,
        "reclaimed by its infra",
    )
    assert (level, decision.do) == (state_of(decision).level, ())


def test_a_node_that_is_noticed_while_it_boots_ends_and_tells_at_once() -> None:
    world = World(node(NODE.BOOTING))
    outcome = world.hear(NOTICE)
    assert (world.told, ends(outcome)) == ([NodeReclaimNoticed], ["n"])
    message = outcome.outbox[0].message
    assert isinstance(message, NodeReclaimNoticed)
    assert message.node == world.node().level
    assert message.node.phase is NODE.TERMINATING


@pytest.mark.parametrize("phase", [NODE.TERMINATING, *sorted(ENDED_NODE_PHASES)])
def test_what_ends_already_is_not_noticed(phase: NodePhase) -> None:
    assert rules.observe_reclaim(node(phase), NOTICE, Ctx(NOW, "input")).state is None


def test_a_machine_that_is_not_known_yet_is_noticed_by_the_next_survey() -> None:
    assert rules.observe_reclaim(None, NOTICE, Ctx(NOW, "input")).state is None
    world = World(SEED, node())
    world.hear(surveyed(found("n").but(reclaim_at=RECLAIM_AT), seconds=1), seconds=1)
    assert world.told[-1] is NodeReclaimNoticed
    world.hear(surveyed(found("n").but(reclaim_at=RECLAIM_AT), seconds=60), seconds=60)
    assert NodeReclaimNoticed not in world.told, "once"


@pytest.mark.parametrize(("again_s", "counts_s"), [(120, 120), (150, 120), (30, 30)])
def test_of_several_notices_the_earliest_counts(again_s: float, counts_s: float) -> None:
    world = World(node())
    world.hear(NOTICE)
    world.hear(notice(NOW + timedelta(seconds=again_s)), seconds=1)
    assert bool(world.told) == (again_s < 120)
    assert world.node().reclaim_at == NOW + timedelta(seconds=counts_s)


@pytest.mark.parametrize(
    ("inputs", "phase", "events"),
    [
        ([NOTICE, gone(120)], NODE.LOST, [NodeLost]),
        ([NOTICE, VACATED, terminated(120)], NODE.TERMINATED, [NodeTerminated]),
        ([NOTICE, VACATED, gone(120)], NODE.TERMINATED, [NodeTerminated]),
        ([NOTICE, DRAIN, gone(120)], NODE.LOST, [NodeLost]),
        ([DRAIN, NOTICE, gone(120)], NODE.LOST, [NodeLost]),
        ([DRAIN, VACATED, NOTICE, gone(120)], NODE.TERMINATED, [NodeTerminated]),
        ([gone(120), NOTICE], NODE.LOST, []),
        ([NOTICE, gone(120), NOTICE, VACATED, terminated(500)], NODE.LOST, []),
        ([NOTICE, VACATED, terminated(120), gone(500), NOTICE], NODE.TERMINATED, []),
    ],
)
@pytest.mark.parametrize("first", [NODE.READY, NODE.SUSPECT])
def test_who_ends_it_decides_as_what_it_ends_and_its_cost_is_final(
    first: NodePhase, inputs: list[Message], phase: NodePhase, events: list[type[Message]]
) -> None:
    world = World(node(first))
    for one in inputs:
        world.hear(one)
    assert (world.node().phase, world.node().cost_usd) == (phase, 0.12)
    assert world.told == events


@pytest.mark.parametrize("end", [gone(120), terminated(120)])
def test_a_booting_node_that_is_noticed_never_was_lost(end: Message) -> None:
    world = World(node(NODE.BOOTING))
    world.hear(NOTICE)
    world.hear(end)
    assert (world.told, world.node().phase, world.node().cost_usd) == (
        [NodeTerminated],
        NODE.TERMINATED,
        0.12,
    )
    assert world.told != [NodeFailed]


def test_an_infra_that_changes_its_mind_gets_the_node_back_all_the_same() -> None:
    world = World(SEED.but(wake_at=NOW + timedelta(days=1)), node())
    world.hear(NOTICE)
    for second in range(1, 400, 4):
        world.hear(said(), seconds=second)
        world.ring(seconds=second)
        assert world.node().phase is NODE.DRAINING
        assert world.done == []
    world.hear(VACATED, seconds=400)
    assert ends(world.last) == ["n"]
    world.hear(terminated(401), seconds=402)
    assert world.told == [NodeTerminated]


def test_what_befalls_a_machine_before_its_launch_is_reported_is_told_by_the_survey_that_follows() -> None:
    """Reports of the watch and of the hand race each other; a report for a node without a row is lost."""
    own = OwnOffer(place=place(), max_nodes=2)
    begun = state_of(clusters.observe_placement(cluster(), placement(place(), place("gcp")), CTX))
    world = World(SEED.but(offers=(own,)), begun)
    first, second = begun.tries[0].nodes
    world.hear(NOTICE.but(target=first), gone(1).but(target=second), seconds=1)
    world.hear(launched(begun), seconds=2)
    assert world.done == [orders.SURVEY], "an infra with offers of its own is looked at when nodes come"
    taken = surveyed(
        found(first).but(reclaim_at=RECLAIM_AT), found(second, alive=False), seconds=3, offers=(own,)
    )
    world.hear(taken, seconds=3)
    assert {world.node(first).phase, world.node(second).phase} == {NODE.TERMINATING, NODE.FAILED}
    world.hear(*(one.message for one in world.last.outbox if isinstance(one.message, NodeEvent)), seconds=4)
    (only,) = world.clusters
    assert [one.place.infra for one in only.tries] == ["gcp"]
