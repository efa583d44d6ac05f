"""Makes a history that breaks a promise as short as it can be, and still breaks the same one.

Fewer asks, fewer strikes of faults, an earlier end of faults: each by delta debugging (Zeller and
Hildebrandt, "Simplifying and isolating failure-inducing input", IEEE TSE 2002), in turn, until nothing more
goes or the time is over. A strike that is not let changes what comes after it, so what is left is a history
of its own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import TypeVar

from tradewind.simulator.faults import kind_of
from tradewind.simulator.setup import Setup
from tradewind.simulator.world import Run, simulate

T = TypeVar("T")

ENDS_S = (30.0, 60.0, 120.0, 240.0, 400.0)
"""Earlier ends of faults that are tried."""


class TimeIsUp(Exception):
    """What is known so far is the answer."""


@dataclass(slots=True)
class Shrinking:
    """How far it has come."""

    setup: Setup
    promise: str
    until: float
    runs: int = 0
    progress: Callable[["Shrinking"], None] = lambda shrinking: None

    def breaks(self, setup: Setup) -> bool:
        """Whether that breaks the same promise; then it is the new best.

        Raises:
            TimeIsUp
        """
        if monotonic() > self.until:
            raise TimeIsUp
        run = simulate(setup)
        self.runs += 1
        broken = run.violation is not None and run.violation.promise == self.promise
        if broken:
            self.setup = replace(setup, strikes=frozenset(run.struck), asks=frozenset(run.asked))
        self.progress(self)
        return broken


def shrink(
    setup: Setup, run: Run, *, seconds: float, progress: Callable[[Shrinking], None] = lambda shrinking: None
) -> Setup:
    """A setup that breaks the promise that `run` of `setup` broke, with as little as possible."""
    if run.violation is None:
        raise ValueError("this run breaks no promise")
    least = replace(setup, strikes=frozenset(run.struck), asks=frozenset(run.asked))
    shrinking = Shrinking(least, run.violation.promise, monotonic() + seconds, progress=progress)
    try:
        while True:
            before = shrinking.setup
            _fewer_kinds(shrinking)
            _fewer_asks(shrinking)
            _fewer_strikes(shrinking)
            _earlier_end(shrinking)
            if shrinking.setup == before:
                break
    except TimeIsUp:
        pass
    return shrinking.setup


def _fewer_kinds(shrinking: Shrinking) -> None:
    """Most kinds have nothing to do with it, and each is many strikes."""
    strikes = shrinking.setup.strikes or frozenset()

    def breaks(kinds: Sequence[str]) -> bool:
        kept = frozenset(name for name in strikes if kind_of(name) in kinds)
        return shrinking.breaks(replace(shrinking.setup, strikes=kept))

    minimal(sorted({kind_of(name) for name in strikes}), breaks)


def _fewer_strikes(shrinking: Shrinking) -> None:
    by_kind = sorted(shrinking.setup.strikes or ())
    minimal(by_kind, lambda kept: shrinking.breaks(replace(shrinking.setup, strikes=frozenset(kept))))


def _fewer_asks(shrinking: Shrinking) -> None:
    numbers = sorted(shrinking.setup.asks or ())
    minimal(numbers, lambda kept: shrinking.breaks(replace(shrinking.setup, asks=frozenset(kept))))


def _earlier_end(shrinking: Shrinking) -> None:
    for end_s in ENDS_S:
        if end_s >= shrinking.setup.faults_end_s or shrinking.breaks(
            replace(shrinking.setup, faults_end_s=end_s)
        ):
            return


def minimal(items: Sequence[T], holds: Callable[[Sequence[T]], bool]) -> list[T]:
    """A part of `items` of which `holds` is true and of no part with one item less (ddmin). It is taken to be
    true of all of them.
    """
    kept = list(items)
    if kept and holds([]):
        return []
    pieces = 2
    while len(kept) > 1:
        size = -(-len(kept) // pieces)
        for start in range(0, len(kept), size):
            rest = kept[:start] + kept[start + size :]
            if holds(rest):
                kept = rest
                pieces = max(pieces - 1, 2)
                break
        else:
            if size == 1:
                break
            pieces = min(pieces * 2, len(kept))
    return kept
