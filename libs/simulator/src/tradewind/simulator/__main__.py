"""Runs the control plane in virtual time under faults: `python -m tradewind.simulator --seeds 100`."""

import argparse
import math
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tradewind.simulator import cases, faults, workload
from tradewind.simulator.cases import BadCase, Case
from tradewind.simulator.search import collect_seldom, search
from tradewind.simulator.setup import FAULTS_END_S, JOBS, SUBMITTED_OVER_S, Setup
from tradewind.simulator.shrink import shrink
from tradewind.simulator.telling import Progress, failure, figures
from tradewind.simulator.world import Run, simulate

ENDLESS = 10**9
SHRINK_S = 120.0
CASES = Path("tests/simulation/cases")
POSITIVE = ("seeds", "minutes", "jobs", "until", "workers", "failures")


class BadWords(ValueError):
    """What was asked for makes no sense. The text says why."""


def main(words: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(words)
    try:
        _check_numbers(asked)
        setup = _setup(asked)
        seeds = _seeds(asked, setup)
    except (BadWords, BadCase) as reason:
        print(reason, file=sys.stderr)
        return 2
    with Progress(len(seeds) if len(seeds) < ENDLESS else None, minutes=asked.minutes) as progress:
        tally = search(
            seeds,
            setup,
            workers=asked.workers,
            failures=asked.failures,
            seconds=asked.minutes * 60 if asked.minutes else None,
            progress=progress.show,
        )
    for run in tally.failed:
        _explain(replace(setup, seed=run.seed), run, asked)
    print(f"\n{figures(tally)}")
    if len(seeds) == 1 and not tally.failed:
        print(f"history {tally.digest}")
    # A kept case is told by what it once was, and may change; a strike that is asked for here is meant.
    missing = sorted(tally.missing) if asked.strikes is not None else []
    if missing:
        print(f"{len(missing)} of these strikes did not come about: {', '.join(missing)}", file=sys.stderr)
    return 1 if tally.failed else 2 if missing else 0


def _check_numbers(asked: argparse.Namespace) -> None:
    """Raises BadWords."""
    for name in POSITIVE:
        number = getattr(asked, name)
        if number is not None and not 0 < number < math.inf:
            raise BadWords(f"--{name} must be more than 0, not {number:g}")


def _setup(asked: argparse.Namespace) -> Setup:
    """Raises BadWords, BadCase."""
    if asked.case is not None:
        return cases.read(asked.case).setup
    try:
        rates = faults.parse(asked.faults)
    except faults.UnknownFault as error:
        raise BadWords(f"--faults: {error}") from None
    try:
        strikes = faults.parse_strikes(asked.strikes) if asked.strikes is not None else None
    except faults.UnknownFault as error:
        raise BadWords(f"--strikes: {error}") from None
    seed = asked.seed if asked.seed is not None else 1
    return Setup(
        seed=seed,
        jobs=asked.jobs,
        rates=rates,
        faults_end_s=asked.until,
        asks=_asks(asked.asks, seed=seed, jobs=asked.jobs) if asked.asks is not None else None,
        strikes=strikes,
    )


def _asks(text: str, *, seed: int, jobs: int) -> frozenset[int]:
    """Raises BadWords."""
    try:
        asks = frozenset(int(word) for word in text.split(",") if word)
    except ValueError:
        raise BadWords(f"--asks must be numbers with commas, not {text!r}") from None
    there = {ask.number for ask in workload.draw(seed, jobs=jobs, over_s=SUBMITTED_OVER_S).asks}
    if unknown := sorted(asks - there):
        raise BadWords(
            f"--asks: seed {seed} asks for nothing with the number {', '.join(map(str, unknown))}: "
            f"there are 1 to {max(there)}"
        )
    return asks


def _seeds(asked: argparse.Namespace, setup: Setup) -> range:
    alone = asked.seed is not None or asked.case is not None
    default = ENDLESS if asked.minutes else 1 if alone else 100
    count = asked.seeds if asked.seeds is not None else default
    return range(setup.seed, setup.seed + count)


def _explain(setup: Setup, run: Run, asked: argparse.Namespace) -> None:
    least = setup
    if not asked.no_shrink and asked.case is None:
        with Progress(None, minutes=None) as progress:
            least = shrink(setup, run, seconds=SHRINK_S, progress=progress.show_shrinking)
    again = simulate(least, timeline=ENDLESS, about=asked.about)
    same = least != setup or again.digest == run.digest
    for paragraph in failure(run, again, least, deterministic=same, whole=bool(asked.about)):
        print(f"\n{paragraph}")
    if asked.save is not None and run.violation is not None:
        path = CASES / f"{asked.save}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        why = f"TODO: what was wrong ({run.violation.how})"
        path.write_text(cases.to_json(Case(asked.save, why, run.violation.promise, least)))
        print(f"kept as {path}: write down in it why it broke")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tradewind.simulator", description=__doc__)
    add = parser.add_argument
    add("--seeds", type=int, metavar="N", help="how many seeds (100; 1 with --seed; no end with --minutes)")
    add("--seed", type=int, metavar="S", help="the first of them (1)")
    add("--minutes", type=float, metavar="M", help="stop after so long")
    add("--jobs", type=int, default=JOBS, metavar="N", help="jobs in each world (%(default)s)")
    add(
        "--faults",
        default="all",
        metavar="LIST",
        help=f"all, none, or some of {', '.join(faults.KINDS)}, each with =RATE if wanted (%(default)s)",
    )
    add("--strikes", metavar="LIST", help="let only these faults strike, by name: crash@scheduler#3,…")
    add("--asks", metavar="LIST", help="ask only for what has these numbers: 1,4")
    add(
        "--until",
        type=float,
        default=FAULTS_END_S,
        metavar="S",
        help="when faults end, in seconds of virtual time (%(default)s)",
    )
    add("--case", type=Path, metavar="FILE", help="run this kept history")
    add("--workers", type=int, metavar="N", help="processes (as many as there are cores)")
    add(
        "--failures",
        type=int,
        default=1,
        metavar="N",
        help="stop after so many seeds that fail (%(default)s)",
    )
    add("--no-shrink", action="store_true", help="tell a failing history as it was, not a shorter one")
    add("--save", metavar="NAME", help=f"keep the failing history in {CASES}/NAME.json")
    add("--about", default="", metavar="TEXT", help="of a failing history, show only lines with TEXT")
    return parser


if __name__ == "__main__":
    # So that the processes of the search end with us.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    collect_seldom()
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("interrupted")
