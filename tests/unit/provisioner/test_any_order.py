"""Whatever comes in whatever order: nothing raises, and every row ends or wakes."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.provisioner.given import capacity, claim, launched, node, place, placement, refusal, said
from tests.unit.provisioner.world import World, found, surveyed
from tradewind.common.contracts.allocation import CapacityPhase, ClaimPhase
from tradewind.common.contracts.node import DrainNode, NodeEvent, NodePhase, RestateNode
from tradewind.common.contracts.registry import Message
from tradewind.common.reactor.wiring import Alarm
from tradewind.provisioner.contracts import InstanceGone, InstanceState, Looked, ReclaimNoticed, Terminated
from tradewind.provisioner.domain import infra, orders
from tradewind.provisioner.domain.model import Cluster, Infra, Node

Make = Callable[["Play"], list[Message]]


class Play:
    """A world with one claim. Inputs are made for the rows that are there when they are heard."""

    def __init__(self) -> None:
        self.world = World(infra.seed("aws"))
        self.seconds = 0.0
        self.version = 0

    def hear(self, make: Make, pause: float) -> None:
        self.seconds += pause
        self.version += 1
        messages = make(self)
        if messages:
            self.world.hear(*messages, seconds=self.seconds)
        # Its own events come back to it, in their order.
        while echoes := [one.message for one in self.world.last.outbox if isinstance(one.message, NodeEvent)]:
            self.world.hear(*echoes, seconds=self.seconds)

    @property
    def nodes(self) -> list[Node]:
        return self.world.nodes

    @property
    def clusters(self) -> list[Cluster]:
        return self.world.clusters


def of_nodes(make: Callable[[Node, Play], Message]) -> Make:
    return lambda play: [make(one, play) for one in play.nodes]


def launch_answered(came: int, refused: bool) -> Make:
    return lambda play: [
        launched(one, came, failure=refusal() if refused else None, lane=lane)
        for one in play.clusters
        for lane in range(len(one.under_way))
    ]


def alarms(play: Play) -> list[Message]:
    return [Alarm(kind=ref.kind, id=ref.id) for ref in play.world.rows]


MOVES: dict[str, Make] = {
    "claim open": lambda play: [claim(version=play.version)],
    "claim served": lambda play: [claim(ClaimPhase.SERVED, version=play.version)],
    "claim asks anew": lambda play: [claim(version=play.version, generation=2)],
    "claim closed": lambda play: [claim(ClaimPhase.CLOSED, version=play.version, generation=2)],
    "list": lambda play: [placement(place(), place(zone="us-b"), round=play.version, version=play.version)],
    "list for a race": lambda play: [
        placement(place(), place(zone="us-b"), place("gcp"), round=play.version, version=play.version, race=2)
    ],
    "empty list": lambda play: [placement(round=play.version, version=play.version)],
    "gang came": launch_answered(2, refused=False),
    "half came": launch_answered(1, refused=True),
    "refused": launch_answered(0, refused=True),
    "agents speak": of_nodes(lambda one, play: said("b1", node=one.id)),
    "agents start again": of_nodes(lambda one, play: said(f"b{play.version}", node=one.id)),
    "drain": of_nodes(lambda one, play: DrainNode(id=one.id, workspace="w", reason="asked")),
    "restate": of_nodes(lambda one, play: RestateNode(id=one.id, workspace="w")),
    "vacated": of_nodes(lambda one, play: capacity(CapacityPhase.VACATED, play.version, node=one.id)),
    "to be reclaimed": of_nodes(
        lambda one, play: ReclaimNoticed(intent="x", target=one.id, reclaim_at=one.launched_at)
    ),
    "gone": of_nodes(lambda one, play: InstanceGone(intent="x", target=one.id, ended_at=one.launched_at)),
    "alive": of_nodes(lambda one, play: Looked(intent=one.looking, target=one.id, state=InstanceState.ALIVE)),
    "looked gone": of_nodes(
        lambda one, play: Looked(intent=one.looking, target=one.id, state=InstanceState.GONE)
    ),
    "terminated": of_nodes(lambda one, play: Terminated(intent="x", target=one.id, ended_at=one.launched_at)),
    "surveyed": lambda play: [surveyed(*(found(one.id) for one in play.nodes), seconds=play.seconds)],
    "survey misses all": lambda play: [surveyed(found("stray"), seconds=play.seconds)],
    "alarms": alarms,
}

STEPS = st.lists(
    st.tuples(st.sampled_from(sorted(MOVES)), st.sampled_from([0.0, 1.0, 12.0, 45.0, 70.0, 400.0])),
    max_size=40,
)


@given(STEPS)
def test_any_order_of_inputs_leaves_every_row_ended_or_awake(steps: list[tuple[str, float]]) -> None:
    play = Play()
    for move, pause in steps:
        play.hear(MOVES[move], pause)
        for row in play.world.rows.values():
            assert row.terminal or row.wake_at is not None, f"{row} sleeps for ever"
            assert not row.parked
        known = {one.id for one in play.nodes if not one.terminal}
        for one in play.clusters:
            assert one.terminal or not one.arrived
            assert not one.terminal or not (set(one.nodes) & known), "a cluster ended before its nodes"
            assert not one.terminal or not one.under_way, "a cluster ended before its launches"
            ready = {
                node.id for node in play.nodes if node.phase is NodePhase.READY and node.cluster == one.id
            }
            assert ready <= {*one.gang, *one.unwanted}, "only of the gang that was kept"


@given(STEPS)
def test_a_closed_claim_comes_to_rest_once_everybody_answers(steps: list[tuple[str, float]]) -> None:
    play = Play()
    for move, pause in steps:
        play.hear(MOVES[move], pause)
    play.version += 1000
    for move in ["claim closed", "refused", "alarms", "drain", "vacated", "terminated", "alarms", "surveyed"]:
        play.hear(MOVES[move], 3600.0)
    assert all(row.terminal for row in play.world.rows.values() if not isinstance(row, Infra))


def test_the_usual_order() -> None:
    play = Play()
    for move in ["claim open", "list", "gang came", "agents speak"]:
        play.hear(MOVES[move], 1.0)
    assert [one.phase for one in play.nodes] == [NodePhase.READY, NodePhase.READY]
    assert [one.phase_name for one in play.clusters] == ["up"]
    for move in ["claim closed", "drain", "vacated"]:
        play.hear(MOVES[move], 1.0)
    assert play.world.done == [orders.TERMINATE, orders.TERMINATE]
    play.hear(MOVES["terminated"], 1.0)
    assert [one.phase_name for one in play.clusters] == ["terminated"]
    assert node().phase is NodePhase.READY
