"""Runs the control plane in virtual time under faults: `python -m tradewind.simulator --seeds 100`."""

import argparse
import signal
import sys
from collections.abc import Callable, Sequence

from tradewind.simulator import faults
from tradewind.simulator.search import Tally, collect_seldom, search
from tradewind.simulator.setup import JOBS, Setup
from tradewind.simulator.world import Run, simulate

TIMELINE = 60


def main(words: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(words)
    try:
        rates = faults.parse(asked.faults)
    except faults.UnknownFault as error:
        print(f"--faults: {error}", file=sys.stderr)
        return 2
    first = asked.seed if asked.seed is not None else 1
    count = asked.seeds if asked.seeds is not None else (1 if asked.seed is not None else 100)
    if count < 1 or asked.jobs < 1:
        print("--seeds and --jobs must be at least 1", file=sys.stderr)
        return 2
    seeds = range(first, first + count)
    tally = search(
        seeds,
        jobs=asked.jobs,
        rates=rates,
        holes=asked.known_holes,
        workers=asked.workers,
        failures=asked.failures,
        progress=_progress(count, on=sys.stderr.isatty()),
    )
    for run in tally.failed:
        _tell_failure(run, asked)
    _tell_figures(tally)
    if count == 1 and not tally.failed:
        print(f"history {simulate(Setup(first, asked.jobs, rates, asked.known_holes)).digest}")
    return 1 if tally.failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tradewind.simulator", description=__doc__)
    parser.add_argument("--seeds", type=int, metavar="N", help="how many seeds (100; 1 with --seed)")
    parser.add_argument("--seed", type=int, metavar="S", help="the first of them (1)")
    parser.add_argument(
        "--jobs", type=int, default=JOBS, metavar="N", help="jobs in each world (%(default)s)"
    )
    parser.add_argument(
        "--faults",
        default="all",
        metavar="LIST",
        help=f"all, none, or some of {', '.join(faults.KINDS)}, each with =RATE if wanted (%(default)s)",
    )
    parser.add_argument("--workers", type=int, metavar="N", help="processes (as many as there are cores)")
    parser.add_argument(
        "--failures",
        type=int,
        default=1,
        metavar="N",
        help="stop after so many seeds that fail (%(default)s)",
    )
    parser.add_argument(
        "--about", default="", metavar="TEXT", help="of a failing seed, show only lines with TEXT"
    )
    parser.add_argument(
        "--known-holes",
        action="store_true",
        help="judge also by the promises that are known not to be kept yet",
    )
    return parser


def _progress(count: int, *, on: bool) -> Callable[[Tally], None]:
    """A line that is written over again and again, where somebody looks on."""

    def show(tally: Tally) -> None:
        if on:
            rate = tally.runs / tally.seconds
            line = f"\r{tally.runs}/{count} seeds, {rate:.1f}/s, {len(tally.failed)} failed "
            print(line, end="", file=sys.stderr, flush=True)

    return show


def _tell_failure(run: Run, asked: argparse.Namespace) -> None:
    setup = Setup(run.seed, asked.jobs, faults.parse(asked.faults), asked.known_holes)
    again = simulate(setup, timeline=TIMELINE, about=asked.about)
    broken = run.violation
    if broken is None:
        return
    print(f"\nseed {run.seed} breaks a promise: {broken.promise}\n  {broken.meaning}\n  {broken.how}\n")
    print("\n".join(again.timeline))
    if again.digest != run.digest:
        print("(its history was another one this time: the simulation is not deterministic)")
    holes = " --known-holes" if asked.known_holes else ""
    words = f"--seed {run.seed} --jobs {asked.jobs} --faults {asked.faults}{holes}"
    print(f"\nagain: ./dev simulate {words} [--about TEXT]")


def _tell_figures(tally: Tally) -> None:
    seconds = tally.seconds
    injected = ", ".join(f"{kind} {count}" for kind, count in sorted(tally.injected.items())) or "none"
    print(
        f"\n{tally.runs} seeds in {seconds:.1f} s ({tally.runs / seconds:.1f}/s), "
        f"{len(tally.failed)} failed\n"
        f"{tally.jobs} job lives ({tally.jobs / seconds:.0f}/s), {tally.attempts} attempts, "
        f"{tally.virtual_s / 3600:.0f} h of virtual time, {tally.events / seconds:.0f} steps/s\n"
        f"faults: {injected}"
    )


if __name__ == "__main__":
    # So that the processes of the search end with us.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    collect_seldom()
    sys.exit(main())
