"""The life of a node, decision by decision."""

from datetime import timedelta

import pytest

from tests.unit.provisioner.given import CTX, NOW, after, capacity, node, said, state, told
from tradewind.common.contracts.allocation import CapacityPhase, RestateCapacity
from tradewind.common.contracts.node import (
    ENDED_NODE_PHASES,
    DrainNode,
    NodeDraining,
    NodeEvent,
    NodeFailed,
    NodeLost,
    NodePhase,
    NodeReady,
    NodeRestated,
    NodeTerminated,
    RestateNode,
)
from tradewind.provisioner.contracts import InstanceGone, InstanceState, Looked, Terminated, TerminateOrder
from tradewind.provisioner.domain import node as rules
from tradewind.provisioner.domain import node_end, orders
from tradewind.provisioner.domain.model import Node

DRAIN = DrainNode(id="n", workspace="w", reason="its claim is closed")
LIVING = sorted(set(NodePhase) - ENDED_NODE_PHASES)


def gone(ctx_now_s: float = 0) -> InstanceGone:
    return InstanceGone(intent="x", target="n", ended_at=NOW + timedelta(seconds=ctx_now_s))


def looked(state: InstanceState, intent: str = "look") -> Looked:
    return Looked(intent=intent, target="n", state=state, ended_at=None)


def test_a_suspect_that_speaks_is_ready() -> None:
    decision = rules.hear(node(NodePhase.SUSPECT, reason="silent"), said(cpus=3), CTX)
    ready = state(decision)
    assert (ready.phase, ready.boot, ready.room.cpus, ready.reason) == (NodePhase.READY, "b1", 3, "")
    assert told(decision, NodeReady)[0].level == ready.level


def test_a_booting_node_that_speaks_is_noted_and_waits_for_its_gang() -> None:
    booting = node(NodePhase.BOOTING, boot="", wake_at=NOW + rules.BOOT_TIME)
    decision = rules.hear(booting, said(cpus=3), after(seconds=50))
    noted = state(decision)
    assert (noted.phase, noted.boot, noted.room.cpus) == (NodePhase.BOOTING, "b1", 3)
    assert (noted.wake_at, decision.publish) == (booting.wake_at, ())
    waiting = rules.wake(noted, after(minutes=5))
    assert (state(waiting).phase, waiting.do) == (NodePhase.BOOTING, ())


def test_heartbeats_in_quick_order_change_no_row() -> None:
    assert rules.hear(node(), said(), after(seconds=5)).state is None


def test_a_heartbeat_now_and_then_is_noted_and_not_told() -> None:
    decision = rules.hear(node(), said(), after(seconds=8))
    noted = state(decision)
    assert noted.heard_at == NOW + timedelta(seconds=8)
    assert noted.wake_at == NOW + timedelta(seconds=22)
    assert not decision.publish


def test_an_agent_that_started_again_is_no_event() -> None:
    decision = rules.hear(node(), said("b2"), after(seconds=1))
    assert (state(decision).boot, state(decision).phase, decision.publish) == ("b2", NodePhase.READY, ())


def test_an_agent_that_measures_otherwise_is_told() -> None:
    decision = rules.hear(node(), said("b2", cpus=2), CTX)
    assert told(decision, NodeRestated)[0].node.room.cpus == 2


@pytest.mark.parametrize("phase", [*sorted(ENDED_NODE_PHASES), NodePhase.TERMINATING])
def test_a_node_that_ends_is_not_heard(phase: NodePhase) -> None:
    assert rules.hear(node(phase), said("b2"), after(hours=1)).state is None


def test_a_draining_node_is_heard_and_stays_so() -> None:
    draining = state(rules.hear(node(NodePhase.DRAINING), said(), after(seconds=20)))
    assert (draining.phase, draining.heard_at) == (NodePhase.DRAINING, NOW + timedelta(seconds=20))


def test_silence_while_nobody_listened_is_not_held_against_it() -> None:
    decision = rules.wake(node(), after(minutes=20))
    assert state(decision).phase is NodePhase.READY
    assert not decision.do
    then = Node.model_validate(state(decision)).wake_at
    assert then == NOW + timedelta(minutes=20, seconds=14)


def test_an_early_alarm_is_no_silence() -> None:
    woken = state(rules.wake(node(wake_at=NOW), after(seconds=1)))
    assert (woken.phase, woken.wake_at) == (NodePhase.READY, NOW + timedelta(seconds=14))


@pytest.mark.parametrize("seen", [InstanceState.ALIVE, InstanceState.UNKNOWN])
@pytest.mark.parametrize("phase", LIVING)
def test_what_is_not_known_to_be_gone_is_not_lost(phase: NodePhase, seen: InstanceState) -> None:
    decision = node_end.observe_look(node(phase, looking="look"), looked(seen), after(days=1))
    assert (state(decision).phase, decision.publish) == (phase, ())


@pytest.mark.parametrize(
    ("phase", "becomes", "event"),
    [
        (NodePhase.BOOTING, NodePhase.FAILED, NodeFailed),
        (NodePhase.READY, NodePhase.LOST, NodeLost),
        (NodePhase.SUSPECT, NodePhase.LOST, NodeLost),
        (NodePhase.DRAINING, NodePhase.LOST, NodeLost),
        (NodePhase.TERMINATING, NodePhase.TERMINATED, NodeTerminated),
    ],
)
def test_what_is_gone_has_ended_at_its_cost(
    phase: NodePhase, becomes: NodePhase, event: type[NodeEvent]
) -> None:
    for decision in (
        node_end.observe_end(node(phase), gone(1000), after(seconds=1001)),
        node_end.observe_look(node(phase), looked(InstanceState.GONE), after(seconds=1000)),
    ):
        ended = state(decision)
        assert (ended.phase, ended.wake_at, ended.cost_usd) == (becomes, None, 1.0)
        assert ended.ended_at == NOW + timedelta(seconds=1000)
        assert [type(message) for message in decision.publish] == [event]
        assert [intent.payload for intent in decision.do] == [
            TerminateOrder(infra="aws", node="n", instance="i-1")
        ], "what was made for it is still to be removed"


def test_a_node_that_never_speaks_is_terminated_and_has_failed() -> None:
    ending = rules.wake(
        node(NodePhase.BOOTING, boot="", wake_at=NOW + timedelta(minutes=5)), after(minutes=5)
    )
    assert state(ending).phase is NodePhase.TERMINATING
    assert [intent.hand for intent in ending.do] == [orders.TERMINATE]
    report = Terminated(intent=ending.do[0].id, target="n", ended_at=NOW + timedelta(minutes=5))
    ended = node_end.observe_termination(state(ending), report, after(minutes=6))
    assert told(ended, NodeFailed)[0].node.reason == "its agent did not speak within 5 minutes"


def test_a_node_that_was_never_ready_needs_no_emptying() -> None:
    decision = rules.drain(node(NodePhase.BOOTING), DRAIN, CTX)
    assert (state(decision).phase, decision.publish) == (NodePhase.TERMINATING, ())
    assert [intent.hand for intent in decision.do] == [orders.TERMINATE]


@pytest.mark.parametrize("phase", [NodePhase.READY, NodePhase.SUSPECT])
def test_a_node_that_was_ready_is_emptied_first(phase: NodePhase) -> None:
    decision = rules.drain(node(phase), DRAIN, CTX)
    assert told(decision, NodeDraining)[0].node.reason == DRAIN.reason
    assert not decision.do


@pytest.mark.parametrize(
    "phase", sorted(set(NodePhase) - {NodePhase.BOOTING, NodePhase.READY, NodePhase.SUSPECT})
)
def test_draining_twice_changes_nothing(phase: NodePhase) -> None:
    assert rules.drain(node(phase), DRAIN, CTX).state is None


@pytest.mark.parametrize("phase", sorted(set(LIVING) - {NodePhase.TERMINATING}))
def test_an_empty_node_is_terminated_whoever_emptied_it(phase: NodePhase) -> None:
    decision = rules.observe_capacity(node(phase), capacity(CapacityPhase.VACATED), CTX)
    assert state(decision).phase is NodePhase.TERMINATING
    assert [intent.hand for intent in decision.do] == [orders.TERMINATE]


@pytest.mark.parametrize("capacity_phase", sorted(set(CapacityPhase) - {CapacityPhase.VACATED}))
def test_only_an_empty_node_is_terminated(capacity_phase: CapacityPhase) -> None:
    assert rules.observe_capacity(node(NodePhase.DRAINING), capacity(capacity_phase), CTX).state is None


def test_a_draining_node_asks_until_it_is_empty() -> None:
    decision = rules.wake(node(NodePhase.DRAINING), after(seconds=30))
    assert told(decision, RestateCapacity)
    assert told(decision, NodeRestated)[0].node.phase is NodePhase.DRAINING
    assert state(decision).wake_at == NOW + timedelta(seconds=60)
    assert not decision.do


def test_a_termination_is_one_wish_however_often_it_is_asked() -> None:
    first = rules.drain(node(NodePhase.BOOTING), DRAIN, CTX)
    again = rules.wake(state(first), after(minutes=1))
    assert again.do == first.do


def test_a_terminated_node_says_what_it_cost() -> None:
    report = Terminated(intent="i", target="n", ended_at=NOW + timedelta(minutes=30))
    decision = node_end.observe_termination(node(NodePhase.TERMINATING, reason="why"), report, after(hours=2))
    level = told(decision, NodeTerminated)[0].node
    assert (level.cost_usd, level.ended_at, level.reason) == (1.8, NOW + timedelta(minutes=30), "why")


def test_an_end_before_the_launch_costs_nothing() -> None:
    assert state(node_end.observe_end(node(), gone(-5), CTX)).cost_usd == 0


@pytest.mark.parametrize("phase", sorted(ENDED_NODE_PHASES))
def test_an_ended_node_stays_as_it_is(phase: NodePhase) -> None:
    ended = node(phase, wake_at=None)
    assert node_end.observe_end(ended, gone(), CTX).state is None
    assert node_end.observe_look(ended, looked(InstanceState.GONE), CTX).state is None
    assert (
        node_end.observe_termination(ended, Terminated(intent="i", target="n", ended_at=NOW), CTX).state
        is None
    )
    assert rules.observe_capacity(ended, capacity(CapacityPhase.VACATED), CTX).state is None


def test_a_level_is_said_again_also_of_an_ended_node() -> None:
    ended = node(NodePhase.LOST, wake_at=None)
    decision = rules.restate(ended, RestateNode(id="n", workspace="w"), CTX)
    assert told(decision, NodeRestated)[0].node == ended.level
