"""Each planted bug is caught by a promise, within a bounded number of seeds."""

import pytest

from tests.simulation.mutants import MUTANTS, Plant
from tradewind.simulator.faults import Rates
from tradewind.simulator.world import Setup, simulate

AT_MOST = 60
"""Seeds."""

FAULTS = Rates(crash=0.006, freeze=0.003, duplicate=0.05)
"""More of those against which the guards stand."""


@pytest.mark.parametrize("plant", MUTANTS, ids=lambda plant: plant.__name__)
def test_a_planted_bug_is_caught(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    for count, seed in enumerate(range(1, AT_MOST + 1), 1):
        violation = simulate(Setup(seed, jobs=8, rates=FAULTS)).violation
        if violation is not None:
            print(f"{plant.__name__}: caught by {violation.promise} after {count} seeds: {violation.how}")
            return
    pytest.fail(f"{plant.__name__} survived {AT_MOST} seeds")
