"""The agent's rule, step by step."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from tests.unit.agent.wants import JOB, NODE, fence, want
from tradewind.agent.domain.model import (
    Action,
    Ended,
    Fact,
    Fetch,
    Fetched,
    Forget,
    Holding,
    Prepared,
    Rank,
    Save,
    Saved,
    Say,
    Setup,
    Stage,
    Start,
    Started,
    Stop,
)
from tradewind.agent.domain.reconcile import heed, learn, levels, resume
from tradewind.common.contracts.rank import AllocationWant, Goal

AT = datetime(2026, 1, 1, tzinfo=UTC)
F = fence()
OLD = F
NEW = fence(attempt=2)

Input = AllocationWant | Fact


def after(*inputs: Input) -> tuple[Holding, list[Action]]:
    """What is held after `inputs`, and what the last of them led to."""
    holding, last = Holding(NODE, JOB), list[Action]()
    for one in inputs:
        step = heed(holding, one) if isinstance(one, AllocationWant) else learn(holding, one)
        holding, last = step.holding, list(step.actions)
    return holding, last


def told(actions: Sequence[Action]) -> list[object]:
    """Actions, with what is said made short."""
    return [
        (action.said.fence.rank, action.said.phase.value, action.said.exit_code)
        if isinstance(action, Say)
        else action
        for action in actions
    ]


def ended(code: int, reason: str = "run") -> Ended:
    return Ended(F, AT, code, reason, by_itself=True)


def stopped(code: int | None = 143) -> Ended:
    return Ended(F, AT, code, "run")


PREPARE, GO = want(Goal.PREPARE), want(Goal.GO, version=2)
SOON, SOONER = datetime(2026, 1, 1, 0, 2, tzinfo=UTC), datetime(2026, 1, 1, 0, 1, tzinfo=UTC)
RECLAIM = want(Goal.STOP, version=3, reclaim_at=SOON)
STOP, FORGET = want(Goal.STOP, version=3), want(Goal.FORGET, version=4)
READY = (PREPARE, Fetched(F), Prepared(F))
RUNS = (*READY, GO, Started(F, AT))


@pytest.mark.parametrize(
    ("inputs", "leads_to"),
    [
        # the plain path
        ((PREPARE,), [Fetch(F)]),
        ((PREPARE, Fetched(F)), [Setup(F)]),
        (READY, [(0, "prepared", None)]),
        ((*READY, GO), [Start(F)]),
        (RUNS, [(0, "running", None)]),
        ((*RUNS, ended(0)), [(0, "exited", 0)]),
        ((*RUNS, ended(3)), [(0, "exited", 3)]),
        ((*RUNS, ended(0), FORGET), [(0, "exited", 0), Forget(F)]),
        # go without a barrier
        ((GO,), [Fetch(F)]),
        ((GO, Fetched(F), Prepared(F)), [Start(F)]),
        ((PREPARE, GO), [(0, "wanted", None)]),
        ((PREPARE, GO, Fetched(F), Prepared(F)), [Start(F)]),
        # what cannot be prepared
        ((PREPARE, ended(1, "fetch")), [(0, "exited", 1)]),
        ((PREPARE, Fetched(F), ended(7, "setup")), [(0, "exited", 7)]),
        ((*READY, GO, ended(127)), [(0, "exited", 127)]),
        # ending
        ((STOP,), [(0, "stopped", None)]),
        ((*READY, STOP), [(0, "stopped", None)]),
        ((PREPARE, STOP), [(0, "wanted", None), Stop(F, 5.0)]),
        ((PREPARE, STOP, Fetched(F)), [(0, "stopped", None)]),
        ((PREPARE, STOP, stopped(None)), [(0, "stopped", None)]),
        ((*RUNS, STOP), [(0, "running", None), Stop(F, 5.0)]),
        ((*RUNS, STOP, stopped()), [(0, "stopped", 143)]),
        ((*RUNS, STOP, ended(0)), [(0, "exited", 0)]),
        ((*RUNS, STOP, FORGET), [(0, "running", None)]),
        ((*RUNS, STOP, FORGET, stopped()), [(0, "stopped", 143), Forget(F)]),
        ((*RUNS, FORGET), [(0, "running", None), Stop(F, 5.0)]),
        ((*RUNS, ended(0), STOP), [(0, "exited", 0)]),
        ((FORGET,), [(0, "stopped", None), Forget(F)]),
        ((FORGET, want(Goal.FORGET, version=9)), [(0, "stopped", None)]),
        # a node of the gang is taken away: what runs may save its work first
        ((*RUNS, RECLAIM), [(0, "running", None), Save(F, 5.0, SOON)]),
        ((*RUNS, RECLAIM, Saved(F)), [Stop(F, 5.0, SOON)]),
        ((*RUNS, RECLAIM, Saved(F), stopped()), [(0, "stopped", 143)]),
        ((*RUNS, RECLAIM, ended(0)), [(0, "exited", 0)]),
        ((*RUNS, RECLAIM, ended(4), Saved(F)), []),
        ((*RUNS, RECLAIM, Saved(F), ended(0)), [(0, "exited", 0)]),
        ((*RUNS, RECLAIM, Saved(F), Saved(F)), []),
        ((*RUNS, Saved(F)), []),
        ((READY[0], RECLAIM), [(0, "wanted", None), Stop(F, 5.0, SOON)]),
        ((PREPARE, Fetched(F), RECLAIM), [(0, "wanted", None), Stop(F, 5.0, SOON)]),
        ((*READY, RECLAIM), [(0, "stopped", None)]),
        # and is asked in another way meanwhile
        ((*RUNS, RECLAIM, RECLAIM), []),
        ((*RUNS, RECLAIM, RECLAIM.but(version=4)), [(0, "running", None)]),
        (
            (*RUNS, RECLAIM, RECLAIM.but(version=4, reclaim_at=SOONER)),
            [(0, "running", None), Save(F, 5.0, SOONER)],
        ),
        ((*RUNS, RECLAIM, STOP.but(version=4)), [(0, "running", None), Stop(F, 5.0)]),
        ((*RUNS, RECLAIM, FORGET), [(0, "running", None), Stop(F, 5.0)]),
        ((*RUNS, RECLAIM, want(attempt=2)), [Stop(F, 5.0), Fetch(NEW)]),
        ((*RUNS, STOP, RECLAIM.but(version=4)), [(0, "running", None)]),
        ((*RUNS, RECLAIM, Saved(F), STOP.but(version=4)), [(0, "running", None)]),
        # older and equal wants, late answers, answers about strangers
        ((*RUNS, PREPARE), []),
        ((*RUNS, GO), []),
        ((*RUNS, STOP, stopped(), GO), []),
        ((*RUNS, ended(0), Started(F, AT)), []),
        ((*RUNS, Prepared(F)), []),
        ((*READY, ended(0)), []),
        ((*RUNS, Started(fence(9), AT)), []),
        ((STOP, want(Goal.GO, version=9)), [(0, "stopped", None)]),
        # a newer attempt
        ((*RUNS, want(attempt=2)), [Stop(OLD, 5.0), Fetch(NEW)]),
        ((*RUNS, want(attempt=2), Fetched(NEW)), []),
        ((*RUNS, want(attempt=2), Fetched(NEW), stopped()), [(0, "stopped", 143), Forget(OLD), Setup(NEW)]),
        ((*READY, want(attempt=2)), [(0, "stopped", None), Forget(OLD), Fetch(NEW)]),
        ((want(attempt=2), want(Goal.GO, attempt=1, version=50)), []),
        # a rank's next incarnation
        (
            (*RUNS, ended(137), want(Goal.GO, version=3, ranks=((0, 1),))),
            [Forget(F), Fetch(fence(incarnation=1))],
        ),
        (
            (*RUNS, want(Goal.GO, version=3, ranks=((0, 1),))),
            [Stop(F, 5.0), Fetch(fence(incarnation=1))],
        ),
        # a rank that was taken out of the want
        (
            (want(ranks=((0, 0), (1, 0))), want(version=2, ranks=((1, 0),))),
            [(1, "wanted", None), Stop(F, 5.0)],
        ),
        # strays: a want that names no rank ends them all
        ((*RUNS, want(Goal.FORGET, version=3, ranks=())), [Stop(F, 5.0)]),
        ((*RUNS, ended(0), want(Goal.FORGET, version=3, ranks=())), [Forget(F)]),
    ],
)
def test_last_input_leads_to(inputs: Sequence[Input], leads_to: list[object]) -> None:
    _, actions = after(*inputs)
    assert told(actions) == leads_to


def test_what_was_reclaimed_is_told_apart_from_what_was_stopped() -> None:
    for stop, why in ((STOP, "stopped"), (RECLAIM, "reclaimed")):
        _, actions = after(*RUNS, stop, Saved(F), stopped())
        (say,) = actions
        assert isinstance(say, Say)
        assert say.said.reason == why


def test_after_a_start_of_the_agent_the_body_is_told_again_to_save() -> None:
    held = Holding(NODE, JOB, RECLAIM, (Rank(F, Stage.RUNNING, started_at=AT),))
    assert told(resume(held).actions) == [Save(F, 5.0, SOON)]


def test_after_a_start_of_the_agent_what_was_sent_a_term_is_not_asked_to_save_again() -> None:
    held = Holding(NODE, JOB, RECLAIM, (Rank(F, Stage.RUNNING, started_at=AT, saved=True),))
    step = resume(held)
    assert told(step.actions) == [Stop(F, 5.0, SOON)]
    assert told(learn(step.holding, stopped(0)).actions) == [(0, "stopped", 0)]


def test_others_run_on_while_one_rank_is_replaced() -> None:
    """Their wants name other addresses and incarnations; nothing is done to what runs."""
    runs = (
        want(Goal.GO, ranks=((0, 0), (1, 0))),
        *(made(fence(rank)) for rank in (0, 1) for made in (Fetched, Prepared)),
        Started(fence(0), AT),
        Started(fence(1), AT),
    )
    moved = ("127.0.1.1", "127.0.9.9")
    elsewhere = want(Goal.GO, version=2, ranks=((0, 0),), addresses=moved)
    holding, actions = after(*runs, Ended(fence(1), AT, 137, "killed", by_itself=True), elsewhere)
    assert told(actions) == [(0, "running", None)]
    assert holding.want == elsewhere

    new = fence(1, incarnation=1)
    here = want(Goal.PREPARE, version=2, ranks=((0, 0), (1, 1)), addresses=moved)
    _, actions = after(*runs, here)
    assert told(actions) == [(0, "running", None), Stop(fence(1), 5.0), Fetch(new)]
    _, actions = after(*runs, here, Fetched(new), Ended(fence(1), AT, 143, "run"))
    assert told(actions) == [(1, "stopped", 143), Forget(fence(1)), Setup(new)]
    ready = (*runs, here, Fetched(new), Ended(fence(1), AT, 143, "run"), Prepared(new))
    _, actions = after(*ready, here.but(version=3, goal=Goal.GO))
    assert told(actions) == [(0, "running", None), Start(new)]


def test_two_ranks_of_a_gang_move_by_themselves() -> None:
    gang = want(ranks=((0, 0), (1, 0)))
    one, two = fence(0), fence(1)
    _, actions = after(gang)
    assert told(actions) == [Fetch(one), Fetch(two)]
    _, actions = after(gang, Fetched(two))
    assert told(actions) == [Setup(two)]


def test_a_rank_waits_for_its_earlier_self_alone() -> None:
    both = want(Goal.GO, ranks=((0, 0), (1, 0)))
    holding, _ = after(
        both,
        *(made(fence(rank)) for rank in (0, 1) for made in (Fetched, Prepared)),
        Started(fence(0), AT),
        Started(fence(1), AT),
        want(Goal.GO, version=2, ranks=((0, 1), (1, 0))),
    )
    assert told(learn(holding, Fetched(fence(0, incarnation=1))).actions) == []
    assert holding.rank(fence(1)).stopping == ""  # type: ignore[union-attr] -- it is held


def test_everything_held_can_be_said_again() -> None:
    holding, _ = after(*RUNS)
    assert told(levels(holding)) == [(0, "running", None)]
    (say,) = levels(holding)
    assert say.said.node == NODE
    assert say.said.started_at == AT


def test_what_is_forgotten_is_remembered_but_not_said_again() -> None:
    holding, _ = after(*RUNS, ended(0), FORGET)
    assert holding.over
    assert levels(holding) == ()
    assert heed(holding, GO).actions == ()
    assert told(heed(holding, want(Goal.FORGET, version=8)).actions) == [(0, "exited", 0)]


def test_why_it_was_stopped_is_said() -> None:
    _, actions = after(*READY, want(attempt=2))
    say = actions[0]
    assert isinstance(say, Say)
    assert say.said.reason == "superseded by attempt 2"
