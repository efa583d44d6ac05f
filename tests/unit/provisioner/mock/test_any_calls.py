"""Whatever is asked of the scripted cloud, in whatever order, its ledger is sound and nothing comes twice."""

from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.provisioner.mock.scripted import NOW, after, cloud, order, place
from tradewind.provisioner.infra.mock.cloud import CallFailed, MockCloud, Unknown
from tradewind.provisioner.infra.mock.state import Booted, CloudState, Ended, ReclaimNoticed

SCRIPT = """
notice: 20s
partial_gangs: true
capacity:
  - {zone: us-a, spot: true, steps: [{at: 0s, nodes: 5}, {at: 3m, nodes: 1}, {at: 5m, nodes: 4}]}
  - {region: us, steps: [{at: 0s, nodes: 8}]}
quotas: [{region: eu, vcpus: 6}]
refusals: [{kind: capacity, zone: us-b, first: 1}]
reclaims: [{rate: 20/h}, {at: 2m, nodes: 1}]
outages: [{zone: us-b, at: 4m, for: 1m}]
faults: {lost_answers: 30%, list_lag: 3s, failed_terminates: 1, throttle: {calls: 3, every: 2s}}
"""

zones = st.sampled_from(["us-a", "us-b", "eu-a"])
numbers = st.integers(0, 11)
calls = st.one_of(
    st.tuples(st.just("launch"), numbers, zones, st.booleans(), st.integers(1, 4)),
    st.tuples(st.just("terminate"), numbers),
    st.tuples(st.just("reclaim"), numbers, st.sampled_from([None, 0.0, 5.0])),
    st.tuples(st.just("fail"), zones),
    st.tuples(st.just("heal")),
    st.tuples(st.just("restart")),
)
histories = st.lists(st.tuples(st.integers(0, 60), calls), max_size=30)


class Play:
    """Plays a history, and keeps what was told."""

    def __init__(self) -> None:
        self.mock = cloud(SCRIPT, seed=1)
        self.now = 0.0
        self.told: list[Any] = []
        self.outcomes: dict[str, Any] = {}

    def wait(self, seconds: float) -> None:
        until = self.now + seconds
        while (at := self.mock.next_at(after(self.now))) is not None and at <= after(until):
            self.told += self.mock.advance(at)
        self.now = until
        self.told += self.mock.advance(after(until))

    def call(self, name: str, *given: Any) -> None:
        with suppress(CallFailed, Unknown):
            getattr(self, name)(*given)

    def launch(self, number: int, zone: str, spot: bool, count: int) -> None:
        nodes = [f"{number}-{ordinal}" for ordinal in range(count)]
        token = f"{number} {zone} {spot} {count}"
        if any(node in self.mock.machines for node in nodes) and token not in self.outcomes:
            return  # a node is launched under one token only
        outcome = self.mock.launch(order(place(self.mock, zone, spot=spot), *nodes), token, after(self.now))
        same = self.outcomes.setdefault(token, outcome)
        assert (outcome.nodes, outcome.failure) == (same.nodes, same.failure)
        assert (outcome.failure is None) == (len(outcome.nodes) == count)

    def terminate(self, number: int) -> None:
        ended_at = self.mock.terminate(f"{number}-0", after(self.now))
        assert ended_at <= after(self.now)
        assert self.mock.terminate(f"{number}-0", after(self.now + 10)) in {ended_at, after(self.now + 10)}

    def reclaim(self, number: int, notice_s: float | None) -> None:
        self.mock.reclaim(f"{number}-0", after(self.now), notice_s)

    def fail(self, zone: str) -> None:
        self.mock.fail(zone, after(self.now), after(self.now + 30))

    def heal(self) -> None:
        self.mock.heal(after(self.now))

    def restart(self) -> None:
        state = CloudState.model_validate_json(self.mock.state.model_dump_json())
        self.mock = MockCloud("mock", self.mock.script, seed=1, state=state)


@given(histories)
def test_the_ledger_is_sound_and_each_end_is_told_once(history: list[tuple[int, tuple[Any, ...]]]):
    play = Play()
    for seconds, call in history:
        play.wait(seconds)
        play.call(*call)
        _sound(play.mock, play.now)
        if call[0] == "fail":
            play.wait(0)  # what a restart would have to say again by itself
    play.wait(3600)
    machines = play.mock.machines
    ends = [one.node for one in play.told if isinstance(one, Ended)]
    boots = [one.node for one in play.told if isinstance(one, Booted)]
    assert len(ends) == len(set(ends))
    assert len(boots) == len(set(boots))
    assert set(ends) == {node for node, one in machines.items() if one.why not in {"", "terminated"}}
    assert {one.node: one.at for one in play.told if isinstance(one, Ended)} == {
        node: machines[node].ended_at for node in ends
    }
    noticed = {one.node: one.at for one in play.told if isinstance(one, ReclaimNoticed)}
    for node, at in noticed.items():  # it is gone by then, or went before
        ended_at = machines[node].ended_at
        assert ended_at is not None
        assert ended_at <= at
    assert not [one for one in machines.values() if one.up and one.place.spot]  # at 20 an hour, none lasts


def _sound(mock: MockCloud, now: float) -> None:
    spot = [one for one in mock.living() if one.place.zone == "us-a" and one.place.spot]
    assert len(spot) <= 5
    assert sum(one.place.region == "us" for one in mock.living()) <= 8
    assert sum(one.place.room.cpus for one in mock.living() if one.place.region == "eu") <= 6
    for one in mock.machines.values():
        assert one.launched_at <= (one.ended_at or after(now))
        assert one.removed_at is None or one.ended_at is not None
        assert one.cost_usd(after(now)) >= 0
    names = [one.name for one in mock.machines.values()]
    assert len(names) == len(set(names))


def test_an_alarm_is_never_in_the_past_for_long():
    """`advance` at what `next_at` says takes it off the list: nobody who follows it turns in circles."""
    play = Play()
    for number in range(10):
        play.call("launch", number, "us-a", True, 1)
    turns = 0
    while (at := play.mock.next_at(NOW)) is not None:
        play.mock.advance(at)
        turns += 1
        following = play.mock.next_at(NOW)
        assert following is None or following > at
    assert turns < 50
