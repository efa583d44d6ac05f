"""Whatever wants come, in whatever order and however often, and whatever the body answers."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.agent.wants import JOB, NODE, want
from tradewind.agent.domain.model import (
    Action,
    Ended,
    Fact,
    Fetch,
    Fetched,
    Forget,
    Holding,
    Prepared,
    Save,
    Saved,
    Say,
    Setup,
    Start,
    Started,
    Step,
    Stop,
)
from tradewind.agent.domain.reconcile import heed, learn
from tradewind.common.contracts.job import ENDED_RANK_PHASES, RankPhase
from tradewind.common.contracts.rank import AllocationWant, Goal
from tradewind.common.contracts.values import Fence

AT = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime(2026, 1, 2, tzinfo=UTC)
HOW_FAR = [RankPhase.WANTED, RankPhase.PREPARED, RankPhase.RUNNING, RankPhase.EXITED]


GOALS = st.sampled_from([Goal.PREPARE, Goal.GO, Goal.GO, Goal.GO, Goal.STOP, Goal.FORGET])


@dataclass
class Body:
    """Does what it is told, when the draw lets it, and checks that it may be told so."""

    holding: Holding = field(default_factory=lambda: Holding(NODE, JOB))
    at_work: dict[Fence, str] = field(default_factory=dict[Fence, str])
    started: set[Fence] = field(default_factory=set[Fence])
    said: dict[Fence, RankPhase] = field(default_factory=dict[Fence, RankPhase])
    saving: set[Fence] = field(default_factory=set[Fence])
    saved: set[Fence] = field(default_factory=set[Fence])
    stopped: set[Fence] = field(default_factory=set[Fence])

    def take(self, step: Step) -> None:
        self.holding = step.holding
        for action in step.actions:
            self.do(action)

    def do(self, action: Action) -> None:
        match action:
            case Fetch(fence):
                assert fence not in self.at_work
                self.at_work[fence] = "fetch"
            case Setup(fence):
                assert fence not in self.at_work
                self.alone(fence)
                self.at_work[fence] = "setup"
            case Start(fence):
                assert fence not in self.at_work
                assert fence not in self.started, "a fence is started once"
                assert self.holding.want is not None
                assert fence.attempt == self.holding.want.attempt
                assert self.holding.want.goal is Goal.GO
                self.alone(fence)
                self.started.add(fence)
                self.at_work[fence] = "run"
            case Save(fence):
                assert self.at_work.get(fence) == "run"
                assert fence not in self.stopped, "SIGTERM comes after it"
                assert fence not in self.saved, "it has had its time"
                assert self.holding.want is not None
                assert self.holding.want.goal is Goal.STOP
                self.saving.add(fence)
            case Stop(fence):
                assert fence in self.at_work, "only what is at work is stopped; the rest is ended by a word"
                assert fence not in self.stopped, "once"
                self.may_be_stopped(fence)
                self.stopped.add(fence)
            case Forget(fence):
                assert fence not in self.at_work, "files are not deleted under a process"
            case Say(said):
                before = self.said.get(said.fence, RankPhase.WANTED)
                if before in ENDED_RANK_PHASES:
                    assert said.phase is before, "an end is final"
                else:
                    assert said.phase in ENDED_RANK_PHASES or HOW_FAR.index(said.phase) >= HOW_FAR.index(
                        before
                    )
                self.said[said.fence] = said.phase

    def alone(self, fence: Fence) -> None:
        """No other process of the same place is alive."""
        for other, work in self.at_work.items():
            if work != "fetch":
                assert other.attempt == fence.attempt
                assert (other.rank, other.incarnation) != (fence.rank, fence.incarnation)
                assert other.rank != fence.rank

    def may_be_stopped(self, fence: Fence) -> None:
        """What runs on a node that is taken away has saved its work, or that is not the reason any more."""
        last = self.holding.want
        assert last is not None
        if last.goal is Goal.STOP and last.reclaim_at is not None and fence.attempt == last.attempt:
            named = any((one.rank, one.incarnation) == (fence.rank, fence.incarnation) for one in last.ranks)
            runs = self.said.get(fence) is RankPhase.RUNNING
            assert fence in self.saved or not (named and runs)

    def answers(self) -> list[Fact]:
        """What the body may say next."""
        possible: list[Fact] = []
        for fence, work in self.at_work.items():
            if work == "fetch":
                possible.append(Fetched(fence))
            elif work == "setup":
                possible.append(Prepared(fence))
            else:
                possible.append(Started(fence, AT))
            rank = self.holding.rank(fence)
            if fence in self.saving - self.saved:
                possible.append(Saved(fence))
            by_itself = rank is None or not rank.stopping
            possible.append(Ended(fence, AT, 0, work, by_itself=by_itself))
        return possible

    def answer(self, fact: Fact) -> None:
        if isinstance(fact, Saved):
            self.saved.add(fact.fence)
        elif not isinstance(fact, Started):
            del self.at_work[fact.fence]
        self.take(learn(self.holding, fact))


@st.composite
def all_wants(draw: st.DrawFn) -> list[AllocationWant]:
    """What a controller may write of one job, in the order in which it writes it."""
    written: list[AllocationWant] = []
    version = 0
    for attempt in range(1, draw(st.integers(1, 3)) + 1):
        incarnations = [0, 0]
        for goal in draw(st.lists(GOALS, min_size=1, max_size=4)):
            version += 1
            place = draw(st.integers(0, 1))
            incarnations[place] += draw(st.integers(0, 1))
            ranks = tuple(enumerate(incarnations))[: draw(st.integers(1, 2))]
            at = draw(st.sampled_from([None, AT, LATER])) if goal is Goal.STOP else None
            written.append(want(goal, version=version, attempt=attempt, ranks=ranks, reclaim_at=at))
    return written


@settings(max_examples=300)
@given(all_wants(), st.data())
def test_no_place_has_two_processes_and_every_end_is_final(
    written: list[AllocationWant], data: st.DataObject
) -> None:
    body = Body()
    past: list[Fact] = []
    coming = iter(written)
    for what in data.draw(st.lists(st.sampled_from("aaaaawwlo"), min_size=10, max_size=60)):
        answers = body.answers()
        if what == "a" and answers:
            past.append(data.draw(st.sampled_from(answers)))
            body.answer(past[-1])
        elif what == "l" and past:  # late: said again of what is not at work any more
            late = data.draw(st.sampled_from(past))
            if late.fence not in body.at_work:
                body.take(learn(body.holding, late))
        elif what == "o":  # out of order, or again
            body.take(heed(body.holding, data.draw(st.sampled_from(written))))
        elif (new := next(coming, None)) is not None:
            body.take(heed(body.holding, new))
    for left in coming:
        body.take(heed(body.holding, left))
    _settle(body)
    last = body.holding.want
    assert last is not None
    for rank in body.holding.ranks:
        wanted = rank.fence.attempt == last.attempt and any(
            (one.rank, one.incarnation) == (rank.fence.rank, rank.fence.incarnation) for one in last.ranks
        )
        if not wanted or last.goal in {Goal.STOP, Goal.FORGET}:
            assert rank.ended
            assert body.said[rank.fence] in ENDED_RANK_PHASES
        if last.goal is Goal.FORGET:
            assert rank.forgotten


@given(all_wants(), st.data())
def test_order_and_copies_of_wants_do_not_matter_for_what_is_in_force(
    written: list[AllocationWant], data: st.DataObject
) -> None:
    heard = data.draw(st.permutations([*written, *data.draw(st.lists(st.sampled_from(written)))]))
    body = Body()
    for one in heard:
        body.take(heed(body.holding, one))
    assert body.holding.want == max(written, key=lambda one: (one.attempt, one.version))


def _settle(body: Body) -> None:
    """The body does all that it was told, with success; what was told to stop ends."""
    for _ in range(200):
        stopping = [rank.fence for rank in body.holding.ranks if rank.stopping]
        forward = [
            fact
            for fact in body.answers()
            if isinstance(fact, Ended) == (fact.fence in stopping)
            and not (isinstance(fact, Started) and body.said.get(fact.fence) is RankPhase.RUNNING)
        ]
        if not forward:
            return
        body.answer(forward[0])
    raise AssertionError("it never comes to rest")
