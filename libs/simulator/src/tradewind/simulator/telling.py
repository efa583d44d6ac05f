"""What a search tells a person: how far it is, which promise was broken and how, and what it came to."""

import shlex
from collections.abc import Iterator, Sequence
from time import monotonic
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from tradewind.simulator.faults import ALL, KINDS, NONE, Rates
from tradewind.simulator.search import Tally
from tradewind.simulator.setup import FAULTS_END_S, Setup
from tradewind.simulator.shrink import Shrinking
from tradewind.simulator.world import Run

FIRST, LAST = 80, 120
"""Lines of a timeline that are shown, where there are more."""
IDLE = ("hand.surveyed", "infra.restated", "⚡ nothing fails any more")
"""What is still said in a world in which nothing happens."""
WIDTH = 32
PLAIN_EVERY_S = 15.0


class Progress:
    """A picture that is drawn over again and again where somebody looks on, and a line now and then where
    nobody does.
    """

    def __init__(self, seeds: int | None, *, minutes: float | None) -> None:
        self._seeds = seeds
        self._minutes = minutes
        self._console = Console(stderr=True)
        self._live = Live(console=self._console, transient=True, auto_refresh=False)
        self._told_at = monotonic()

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, tally: Tally) -> None:
        done = self._done(tally)
        bar = "█" * int(done * WIDTH) + "░" * (WIDTH - int(done * WIDTH))
        of = f"/{self._seeds}" if self._seeds is not None else ""
        line = (
            f"{bar} {tally.runs}{of} seeds, {tally.runs / tally.seconds:.1f}/s, "
            f"{tally.injected.total()} faults, {len(tally.failed)} failed"
        )
        self._draw(line, f"{line}\n{_injected(tally)}")

    def show_shrinking(self, shrinking: Shrinking) -> None:
        setup = shrinking.setup
        line = (
            f"shrinking: {len(setup.strikes or ())} faults, {len(setup.asks or ())} asks still break "
            f"{shrinking.promise}; {shrinking.runs} runs"
        )
        self._draw(line, line)

    def _draw(self, line: str, picture: str) -> None:
        if self._console.is_terminal:
            self._live.update(Text(picture), refresh=True)
        elif monotonic() - self._told_at > PLAIN_EVERY_S:
            self._told_at = monotonic()
            self._console.print(line, highlight=False, soft_wrap=True)

    def _done(self, tally: Tally) -> float:
        by_seeds = tally.runs / self._seeds if self._seeds else 0.0
        by_time = tally.seconds / (self._minutes * 60) if self._minutes else 0.0
        return min(max(by_seeds, by_time), 1.0)


def failure(run: Run, again: Run, least: Setup, *, deterministic: bool, whole: bool = False) -> Iterator[str]:
    """Paragraphs. `again` is the run of `least`, with its timeline, told `whole` or without its middle."""
    broken = again.violation or run.violation
    if broken is None:
        return
    yield f"seed {run.seed} breaks a promise: {broken.promise}\n  {broken.meaning}\n  {broken.how}"
    yield "\n".join(again.timeline if whole else _middle_cut(idle_end_cut(again.timeline)))
    if not deterministic:
        yield "(its history was another one this time: the simulation is not deterministic)"
    if least.strikes is not None:
        yield f"of {len(run.struck)} faults {len(least.strikes)} are needed for that"
    yield f"again: ./dev simulate {words(least)} [--about TEXT]"


def words(setup: Setup) -> str:
    """The words of the command line that run this setup."""
    if setup.load is not None:
        return "--case FILE"
    rates = "all" if setup.rates == ALL else "none" if setup.rates == NONE else _rates(setup.rates)
    said = ["--seed", str(setup.seed), "--jobs", str(setup.jobs), "--faults", rates]
    if setup.strikes is not None:
        said += ["--strikes", ",".join(sorted(setup.strikes))]
    if setup.asks is not None:
        said += ["--asks", ",".join(map(str, sorted(setup.asks)))]
    if setup.faults_end_s != FAULTS_END_S:
        said += ["--until", f"{setup.faults_end_s:g}"]
    return shlex.join(said)


def figures(tally: Tally) -> str:
    seconds = tally.seconds
    return (
        f"{tally.runs} seeds in {seconds:.1f} s ({tally.runs / seconds:.1f}/s), "
        f"{len(tally.failed)} failed\n"
        f"{tally.jobs} job lives ({tally.jobs / seconds:.0f}/s), {tally.attempts} attempts, "
        f"{tally.virtual_s / 3600:.0f} h of virtual time, {tally.events / seconds:.0f} steps/s\n"
        f"faults: {_injected(tally)}"
    )


def _injected(tally: Tally) -> str:
    return ", ".join(f"{kind} {count}" for kind, count in sorted(tally.injected.items()) if count) or "none"


def _rates(rates: Rates) -> str:
    chosen = {kind: getattr(rates, kind) for kind in KINDS if getattr(rates, kind)}
    return ",".join(
        kind if rate == getattr(ALL, kind) else f"{kind}={rate!r}" for kind, rate in chosen.items()
    )


def idle_end_cut(lines: Sequence[str]) -> list[str]:
    """A promise that is judged at the end is judged long after the last thing that has to do with it."""
    end = len(lines)
    while end > 0 and any(sign in lines[end - 1] for sign in IDLE):
        end -= 1
    if end == len(lines):
        return list(lines)
    return [*lines[:end], f"            … {len(lines) - end} lines of an idle world …"]


def _middle_cut(lines: list[str]) -> list[str]:
    if len(lines) <= FIRST + LAST:
        return lines
    return [*lines[:FIRST], f"            … {len(lines) - FIRST - LAST} lines …", *lines[-LAST:]]
