"""Looks for a planted bug: seed after seed, until a promise is broken that the same seed keeps without it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from statistics import median
from time import monotonic

import pytest

from bench.mutants.mutant import Mutant
from tradewind.simulator.faults import parse
from tradewind.simulator.setup import JOBS, Setup
from tradewind.simulator.world import simulate

FAR = 1_000_000
"""Between the beginnings of two ranges of seeds: they never meet."""


@dataclass(frozen=True, slots=True)
class Catch:
    """How the hunt in one range of seeds went. `promise` is empty where the bug survived all of them."""

    seeds: int
    promise: str
    how: str
    seconds: float
    unfit: int = 0
    """Seeds that break a promise without the bug too, and so say nothing of it."""


@dataclass(slots=True)
class Hunt:
    """What has come of one mutant so far."""

    mutant: Mutant
    catches: list[Catch] = field(default_factory=list[Catch])

    @property
    def caught(self) -> bool:
        return all(one.promise for one in self.catches)

    @property
    def promises(self) -> Counter[str]:
        return Counter(one.promise for one in self.catches if one.promise)

    @property
    def middle(self) -> float:
        """Seeds to catch it: the median over the ranges. One that survived counts with what it survived."""
        return median(one.seeds for one in self.catches)

    @property
    def most(self) -> int:
        return max(one.seeds for one in self.catches)

    @property
    def seconds(self) -> float:
        return sum(one.seconds for one in self.catches)


def ranges(count: int, *, most: int) -> Iterable[range]:
    """`count` ranges of seeds that do not meet, `most` seeds in all of them together."""
    each = max(1, most // count)
    return (range(number * FAR + 1, number * FAR + 1 + each) for number in range(count))


def hunt(mutant: Mutant, seeds: range, *, jobs: int = JOBS) -> Catch:
    """Plants the bug for as long as it looks, and takes it out again."""
    began = monotonic()
    rates = parse(mutant.faults)
    unfit = 0
    for count, seed in enumerate(seeds, 1):
        setup = Setup(seed, jobs, rates)
        with pytest.MonkeyPatch.context() as patch:
            mutant.plant(patch)
            violation = simulate(setup).violation
        if violation is None:
            continue
        if not _is_sound(setup):
            unfit += 1
            continue
        return Catch(count, violation.promise, violation.how, monotonic() - began, unfit)
    return Catch(len(seeds), "", "", monotonic() - began, unfit)


@cache
def _is_sound(setup: Setup) -> bool:
    """Whether a seed keeps every promise where nothing is planted. The same ones catch many bugs."""
    return simulate(setup).violation is None
