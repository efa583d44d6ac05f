"""A failing history is made as short as it can be, and kept as a case that is the same history."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.jobs_controller.domain import settle
from tradewind.simulator import cases
from tradewind.simulator.cases import BadCase, Case, settled
from tradewind.simulator.faults import NONE
from tradewind.simulator.setup import Setup
from tradewind.simulator.shrink import minimal, shrink
from tradewind.simulator.world import Run, simulate

NODES_DIE = NONE.but({"node_loss": 1 / 200, "loss": 0.01, "delay": 0.02})


@given(st.sets(st.integers(0, 40)), st.data())
def test_what_is_needed_is_found(items: set[int], data: st.DataObject) -> None:
    needed = data.draw(st.sets(st.sampled_from(sorted(items)), max_size=4)) if items else set[int]()

    def holds(kept: Sequence[int]) -> bool:
        return needed <= set(kept)

    assert set(minimal(sorted(items), holds)) == needed


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> tuple[Setup, Run]:
    """A bug: the next attempt does not wait for the end of the last one."""
    monkeypatch.setattr(settle, "_all_ended", lambda job: True)
    for seed in range(1, 60):
        setup = Setup(seed, jobs=8, rates=NODES_DIE, swarm=False)
        run = simulate(setup)
        if run.violation is not None:
            return setup, run
    raise AssertionError("the planted bug was not found")


def test_a_failing_history_is_made_short(broken: tuple[Setup, Run]) -> None:
    setup, run = broken
    least = shrink(setup, run, seconds=30)
    again = simulate(least)
    assert run.violation is not None
    assert again.violation is not None
    assert again.violation.promise == run.violation.promise
    assert len(again.struck) <= len(run.struck)
    assert len(again.asked) < len(run.asked)
    assert least.strikes == frozenset(again.struck)


def test_a_kept_case_is_the_same_history(tmp_path: Path) -> None:
    drawn = Setup(11, jobs=5)
    run = simulate(drawn)
    setup = Setup(11, jobs=5, strikes=frozenset(run.struck), asks=frozenset(run.asked))
    path = tmp_path / "one.json"
    path.write_text(cases.to_json(Case("one", "because", "a_promise", setup)))
    kept = cases.read(path)
    assert (kept.name, kept.why, kept.promise) == ("one", "because", "a_promise")
    assert kept.setup == settled(setup)
    assert simulate(kept.setup).digest == simulate(setup).digest == run.digest


GREMLINS = '{"name": "x", "why": "", "promise": "", "seed": 1, "faults": {"gremlins": 1}, "asks": []}'


@pytest.mark.parametrize("text", ["", "[]", '{"name": "x"}', GREMLINS])
def test_what_is_no_case_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(BadCase, match="is no case of the simulator"):
        cases.read(path)
