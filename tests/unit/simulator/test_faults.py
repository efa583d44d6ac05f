"""A plan of faults: each strike has a name, and is the same whatever else is let."""

import ast
from pathlib import Path

from tradewind.simulator import faults
from tradewind.simulator.faults import A_SECOND, ALL, KINDS, NONE, FaultPlan, kind_of, swarm_rates

CALLS = 20_000


def struck(plan: FaultPlan) -> list[str]:
    for _ in range(CALLS):
        plan.strikes("crash", "scheduler")
        plan.strikes("crash", "optimizer")
        plan.strikes("loss")
    return plan.struck


def test_a_rate_is_kept() -> None:
    plan = FaultPlan(1, NONE.but({"loss": 0.05}))
    struck(plan)
    assert abs(plan.injected["loss"] / CALLS - 0.05) < 0.01
    assert set(plan.injected) == {"loss"}


def test_a_strike_does_not_depend_on_which_others_are_let() -> None:
    everything = struck(FaultPlan(3, ALL))
    some = frozenset(everything[::3])
    again = FaultPlan(3, ALL, some)
    assert struck(again) == [name for name in everything if name in some]
    assert {kind_of(name) for name in everything} == {"crash", "loss"}


def test_what_is_chosen_about_a_strike_follows_from_its_name() -> None:
    first = FaultPlan(5, ALL).let("crash", "crash@scheduler#7")
    second = FaultPlan(5, NONE).let("crash", "crash@scheduler#7")
    other = FaultPlan(6, ALL).let("crash", "crash@scheduler#7")
    assert first is not None
    assert second is not None
    assert other is not None
    assert first.between(0, 1) == second.between(0, 1) != other.between(0, 1)


def test_nothing_strikes_once_faults_have_ended() -> None:
    plan = FaultPlan(1, ALL)
    plan.quiet = True
    assert struck(plan) == []


def test_rates_a_second_are_those_that_say_so() -> None:
    tree = ast.parse(Path(faults.__file__).read_text())
    [rates] = [one for one in tree.body if isinstance(one, ast.ClassDef) and one.name == "Rates"]
    told: dict[str, str] = {}
    for kind, meaning in zip(rates.body, rates.body[1:], strict=False):
        if isinstance(kind, ast.AnnAssign) and isinstance(kind.target, ast.Name):
            told[kind.target.id] = ast.unparse(meaning)
    assert set(told) == set(KINDS)
    assert {kind for kind, meaning in told.items() if "(a second" in meaning} == A_SECOND


def test_seeds_turn_kinds_off_and_others_up() -> None:
    drawn = [swarm_rates(seed, ALL).crash / ALL.crash for seed in range(60)]
    assert {round(one, 1) for one in drawn} == {0.0, 0.5, 1.0, 3.0}
    assert all(getattr(swarm_rates(7, NONE), kind) == 0 for kind in KINDS)
