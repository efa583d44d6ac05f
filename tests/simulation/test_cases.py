"""Histories that once broke a promise, and must not do so again: `./dev simulate --save NAME` keeps one."""

from pathlib import Path

import pytest

from tradewind.simulator import cases
from tradewind.simulator.world import simulate

KEPT = sorted((Path(__file__).parent / "cases").glob("*.json"))


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_a_kept_history_breaks_nothing_any_more(path: Path) -> None:
    case = cases.read(path)
    assert case.name == path.stem
    assert "TODO" not in case.why, "write down what was wrong"
    assert str(simulate(case.setup).violation or "") == "", case.why
