"""What silence means: one node alone, a herd, and what a survey then says."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.provisioner.given import NOW, node, place, said
from tests.unit.provisioner.world import SEED, World, ends, found, surveyed
from tradewind.agent.run import HEARTBEAT_S
from tradewind.common.contracts.node import NodeLost, NodePhase, NodeReady, NodeSuspect
from tradewind.common.contracts.registry import Message
from tradewind.common.reactor.fold import Outcome
from tradewind.common.reactor.wiring import Alarm
from tradewind.provisioner.contracts import InstanceState, Looked, Terminated
from tradewind.provisioner.domain import orders
from tradewind.provisioner.domain.model import Node

NODE = NodePhase
AWS = SEED.but(wake_at=NOW + timedelta(days=1))
"""An infra whose next survey is far away."""


def fleet(size: int, *, infra: str = "aws") -> list[Node]:
    """Nodes that were last noted at one time or another of the 8 s before NOW, when all links went down."""
    return [
        node(
            id=f"n{number}",
            place=place(infra),
            known_since=NOW - timedelta(hours=1),
            heard_at=NOW - timedelta(seconds=8 * number / size),
            wake_at=NOW + timedelta(seconds=14 - 8 * number / size),
        )
        for number in range(size)
    ]


def speak(world: World, *, seconds: float) -> Outcome:
    return world.hear(*(said(node=one.id) for one in world.nodes), seconds=seconds)


def pass_time(world: World, seconds: range) -> list[Outcome]:
    return [world.ring(seconds=second) for second in seconds]


def intents(outcomes: list[Outcome]) -> list[str]:
    return [intent.hand for outcome in outcomes for intent in outcome.intents]


def test_a_silent_node_is_suspected_and_looked_for() -> None:
    world = World(AWS, *fleet(1))
    world.ring(seconds=14)
    assert (world.told, world.done) == ([NodeSuspect], [orders.LOOK])
    assert world.node("n0").reason == "its agent has been silent for 14 s"


@pytest.mark.parametrize("beat_s", [0.0, 1.0, HEARTBEAT_S - 0.01])
def test_a_link_that_goes_down_is_found_within_15_seconds(beat_s: float) -> None:
    """Whenever in the rhythm of the heartbeats and of their notes it goes down; the first second is tick."""
    for down_s in range(1, 60):
        world = World(node())
        beats = [beat_s + n * HEARTBEAT_S for n in range(20)]
        for second in range(down_s + 15):
            for beat in beats:
                if second <= beat < min(second + 1, down_s):
                    world.hear(said(), seconds=beat)
            world.ring(seconds=second + 1)
            suspected = world.node().phase is NODE.SUSPECT
            assert not suspected or second + 1 > down_s + HEARTBEAT_S, "a blip is no silence"
        assert world.node().phase is NODE.SUSPECT, f"down at {down_s} s, beats at {beats}"


def test_a_blip_is_nothing() -> None:
    world = World(AWS, node())
    world.ring(seconds=13)
    world.hear(said(), seconds=13)
    assert (world.told, world.done) == ([], [])
    assert world.node().wake_at == NOW + timedelta(seconds=27)


def test_a_partition_that_heals_has_killed_and_cost_nothing() -> None:
    world = World(AWS, node())
    world.ring(seconds=14)
    look = world.last.intents[0].id
    world.hear(Looked(intent=look, target="n", state=InstanceState.ALIVE), seconds=15)
    outcomes = pass_time(world, range(16, 600))
    assert set(intents(outcomes)) <= {orders.LOOK, orders.SURVEY}
    world.hear(said(), seconds=600)
    assert (world.told, world.node().phase, world.node().cost_usd) == ([NodeReady], NODE.READY, 0.0)


def test_a_suspect_is_looked_for_under_the_same_intent_until_that_is_answered() -> None:
    world = World(node())
    first = world.ring(seconds=14).intents
    assert world.ring(seconds=44).intents == first
    world.hear(Looked(intent=first[0].id, target="n", state=InstanceState.ALIVE), seconds=45)
    assert world.node().phase is NODE.SUSPECT
    assert world.ring(seconds=74).intents[0].id != first[0].id


def test_a_draining_node_that_is_silent_is_looked_for_and_stays_draining() -> None:
    world = World(node(NODE.DRAINING))
    world.ring(seconds=60)
    assert (world.done, world.node().phase) == ([orders.LOOK], NODE.DRAINING)


@pytest.mark.parametrize(
    ("silent", "of", "herd"),
    [(1, 1, False), (1, 2, False), (2, 2, False), (3, 3, True), (3, 60, False), (4, 60, True)],
)
def test_more_than_one_in_twenty_and_at_least_three_are_a_herd(silent: int, of: int, *, herd: bool) -> None:
    world = World(AWS, *fleet(of))
    world.hear(*(said(node=f"n{number}") for number in range(silent, of)), seconds=7)
    world.ring(seconds=14)
    assert set(world.done) == {orders.SURVEY if herd else orders.LOOK}
    suspects = [one for one in world.nodes if one.phase is NODE.SUSPECT]
    assert len(suspects) == (0 if herd else silent)


def test_a_thousand_nodes_that_fall_silent_at_once_are_asked_for_in_bulk() -> None:
    world = World(AWS, *fleet(1000))
    outcomes = pass_time(world, range(1, 60))
    assert intents(outcomes) == [orders.SURVEY]
    assert {one.phase for one in world.nodes} == {NODE.READY}, "frozen"
    world.hear(surveyed(*(found(one.id) for one in world.nodes), seconds=20), seconds=60)
    outcomes = pass_time(world, range(61, 300))
    assert intents(outcomes) == [orders.SURVEY] * 4, "as every minute"
    assert {one.phase for one in world.nodes} == {NODE.SUSPECT}, "nothing new goes there any more"
    speak(world, seconds=300)
    assert world.told == [NodeReady] * 1000
    assert {(one.phase, one.cost_usd, one.held) for one in world.nodes} == {(NODE.READY, 0.0, False)}


def test_a_herd_does_not_wake_together_again() -> None:
    world = World(AWS, *fleet(100))
    pass_time(world, range(1, 20))
    assert len({one.wake_at for one in world.nodes}) == 100


def test_a_herd_that_is_heard_soon_was_never_suspected() -> None:
    world = World(AWS, *fleet(100))
    outcomes = pass_time(world, range(1, 40))
    speak(world, seconds=40)
    assert not [one for outcome in outcomes for one in outcome.outbox if isinstance(one.message, NodeSuspect)]
    assert (world.told, {one.phase for one in world.nodes}) == ([], {NODE.READY})


def test_a_node_that_falls_silent_long_after_a_herd_is_looked_for() -> None:
    late = node(
        id="late", heard_at=NOW + timedelta(minutes=20), wake_at=NOW + timedelta(minutes=20, seconds=14)
    )
    world = World(AWS, *fleet(10), late)
    pass_time(world, range(1, 300))
    world.hear(*(said(node=f"n{n}") for n in range(5)), seconds=1205)
    world.hear(Alarm(kind="node", id="late"), seconds=1214)
    assert (world.done, world.node("late").phase) == ([orders.LOOK], NODE.SUSPECT)


def test_nodes_that_are_really_gone_are_lost_through_the_survey() -> None:
    world = World(AWS, *fleet(100))
    pass_time(world, range(1, 16))
    outcome = world.hear(surveyed(*(found(f"n{number}") for number in range(50)), seconds=16), seconds=17)
    assert sorted(ends(outcome)) == sorted(f"n{number}" for number in range(50, 100))
    died = NOW + timedelta(seconds=1)
    world.hear(
        *(Terminated(intent=one.id, target=one.target, ended_at=died) for one in outcome.intents), seconds=18
    )
    assert world.told == [NodeLost] * 50
    assert {one.ended_at for one in world.nodes if one.terminal} == {died}


@pytest.mark.parametrize(
    ("changes", "complete"),
    [
        ({}, False),
        ({"heard_at": NOW + timedelta(seconds=10)}, True),
        ({"known_since": NOW - timedelta(seconds=10)}, True),
        ({"boot": "", "phase": NODE.BOOTING, "wake_at": NOW + timedelta(minutes=5)}, True),
    ],
    ids=["an incomplete list", "they speak", "they are young", "they boot"],
)
def test_a_list_that_lacks_many_is_believed_only_with_a_second_witness(
    changes: dict[str, object], *, complete: bool
) -> None:
    world = World(AWS, *(one.but(**changes) for one in fleet(100)))
    world.hear(surveyed(complete=complete, seconds=16), seconds=17)
    assert world.done == []
    assert not any(one.terminal or one.phase is NODE.TERMINATING for one in world.nodes)


MOVES = ("speak", "some speak", "ring", "alive", "gone", "list all", "list half", "list none")
STEPS = st.lists(st.tuples(st.sampled_from(MOVES), st.sampled_from([1, 4, 9, 15, 40, 90])), max_size=25)


@given(STEPS, st.integers(1, 40))
def test_only_an_infra_ends_a_node(steps: list[tuple[str, int]], size: int) -> None:
    """Whatever is heard or not heard: no node ends but by the word of its infra; any that speaks is ready."""
    world = World(AWS, *fleet(size))
    seconds, doomed = 0, set[str]()
    for move, pause in steps:
        seconds += pause
        living = [one for one in world.nodes if not one.terminal and one.phase is not NODE.TERMINATING]
        world.ring(seconds=seconds)
        match move:
            case "speak" | "some speak":
                speakers = living if move == "speak" else living[::3]
                world.hear(*(said(node=one.id) for one in speakers), seconds=seconds)
                for one in speakers:
                    assert world.node(one.id).phase in {NODE.READY, NODE.TERMINATING}
            case "alive" | "gone":
                answer = InstanceState(move)
                looks: list[Message] = [
                    Looked(intent=one.looking, target=one.id, state=answer) for one in living if one.looking
                ]
                doomed |= {one.id for one in living if one.looking and answer is InstanceState.GONE}
                world.hear(*looks, seconds=seconds)
            case "list all" | "list half" | "list none":
                listed = living if move == "list all" else living[::2] if move == "list half" else []
                doomed |= {one.id for one in living} - {one.id for one in listed}
                world.hear(surveyed(*(found(one.id) for one in listed), seconds=seconds), seconds=seconds)
            case _:
                pass
        for one in world.nodes:
            assert one.terminal or one.wake_at is not None
            assert not one.silent, "judged in the transaction that found it"
            if one.terminal or one.phase is NODE.TERMINATING:
                assert one.id in doomed
        assert len([intent for intent in world.last.intents if intent.hand == orders.LOOK]) <= max(
            2, size // 20
        )
