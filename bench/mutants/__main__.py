"""`python -m bench.mutants [--only NAME…] [--seeds MAX] [--jobs N]`: a JSON line a mutant, then a table."""

import argparse
import json
import multiprocessing
import signal
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed

from bench.figure import machine
from bench.mutants.everyone import MUTANTS
from bench.mutants.hunt import Catch, Hunt, hunt, ranges
from bench.mutants.mutant import Mutant
from tradewind.simulator.search import collect_seldom


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.mutants", description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these mutants; all if none is named")
    parser.add_argument(
        "--seeds", type=int, default=10_000, metavar="MAX", help="for each mutant at most (%(default)s)"
    )
    parser.add_argument(
        "--ranges", type=int, default=5, metavar="N", help="hunts in so many ranges of seeds (%(default)s)"
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes (%(default)s)")
    parser.add_argument("--list", action="store_true", help="only say which mutants there are")
    asked = parser.parse_args(words)
    known = {mutant.name: mutant for mutant in MUTANTS}
    unknown = [name for name in asked.only or () if name not in known]
    if unknown:
        parser.error(f"there is no mutant {unknown[0]!r}: --list names them")
    if min(asked.seeds, asked.ranges, asked.jobs) < 1:
        parser.error("--seeds, --ranges and --jobs must be at least 1")
    chosen = [known[name] for name in asked.only or known]
    if asked.list:
        print("\n".join(f"{mutant.name}\n    {mutant.bug}" for mutant in chosen))
        return 0
    hunts = list(hunt_all(chosen, count=asked.ranges, most=asked.seeds, processes=asked.jobs))
    print("\n" + table(hunts))
    return 0 if all(one.caught for one in hunts) else 1


def hunt_all(mutants: Sequence[Mutant], *, count: int, most: int, processes: int) -> Iterator[Hunt]:
    """Each as soon as all of its ranges were searched; its line is printed then."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context, initializer=collect_seldom) as pool:
        work: dict[Future[Catch], Hunt] = {}
        for mutant in mutants:
            told = Hunt(mutant)
            work |= {pool.submit(hunt, mutant, seeds): told for seeds in ranges(count, most=most)}
        try:
            for done in as_completed(work):
                told = work[done]
                told.catches.append(done.result())
                if len(told.catches) == count:
                    print(line(told), flush=True)
                    yield told
        finally:
            pool.shutdown(cancel_futures=True)


def line(hunt: Hunt) -> str:
    return json.dumps(
        {
            "mutant": hunt.mutant.name,
            "caught": hunt.caught,
            "promises": dict(hunt.promises),
            "seeds": sorted(one.seeds for one in hunt.catches),
            "median": hunt.middle,
            "max": hunt.most,
            "unfit": sum(one.unfit for one in hunt.catches),
            "seconds": round(hunt.seconds, 1),
            "faults": hunt.mutant.faults,
            "bug": hunt.mutant.bug,
            "how": next((one.how for one in hunt.catches if one.promise), ""),
            "machine": machine(),
        }
    )


def table(hunts: Sequence[Hunt]) -> str:
    """As Markdown."""
    rows = [
        "| mutant | promise that caught it | median seeds | max | wall |",
        "|---|---|---:|---:|---:|",
    ]
    for one in sorted(hunts, key=lambda hunt: (hunt.caught, hunt.middle)):
        promises = ", ".join(f"{name} ×{count}" for name, count in one.promises.most_common())
        survived = "" if one.caught else f"**survives** {sum(catch.seeds for catch in one.catches)} seeds"
        told = " · ".join(filter(None, (survived, promises)))
        rows.append(f"| {one.mutant.name} | {told} | {one.middle:g} | {one.most} | {one.seconds:.0f} s |")
    return "\n".join(rows)


if __name__ == "__main__":
    # So that the processes of the hunt end with us.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    sys.exit(main())
