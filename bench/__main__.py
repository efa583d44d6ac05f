"""`python -m bench [--quick] [NAME…]`: one JSON line a figure."""

import argparse
import sys
import traceback
from collections.abc import Iterable, Mapping
from typing import Protocol

from bench import (
    command_line,
    footprint,
    job_lives,
    list_jobs,
    reactor_rate,
    recovery,
    simulated_lives,
    submit_to_start,
)
from bench.figure import Figure


class Measurement(Protocol):
    def __call__(self, *, quick: bool) -> Iterable[Figure]: ...


MEASUREMENTS: Mapping[str, Measurement] = {
    "submit": submit_to_start.submit_to_start,
    "one_by_one": job_lives.one_by_one,
    "array": job_lives.as_array,
    "processes": job_lives.real_processes,
    "reactor": reactor_rate.reactor_rate,
    "killed": recovery.after_a_kill,
    "silent": recovery.after_silence,
    "list": list_jobs.list_jobs,
    "tw": command_line.command_line,
    "ready": footprint.ready,
    "idle": footprint.idle,
    "running": footprint.many_running,
    "simulate": simulated_lives.simulated_lives,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="a smoke run: few rounds, figures that mean little"
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(MEASUREMENTS)}; all if none")
    chosen = parser.parse_args()
    unknown = [name for name in chosen.names if name not in MEASUREMENTS]
    if unknown:
        parser.error(f"there is no measurement {unknown[0]!r}: write one of {', '.join(MEASUREMENTS)}")
    failed = 0
    for name in chosen.names or MEASUREMENTS:
        try:
            for figure in MEASUREMENTS[name](quick=chosen.quick):
                print(figure.line(), flush=True)
        except Exception:  # noqa: BLE001 - the other measurements are still worth having
            failed += 1
            print(f"bench: {name} could not be taken:", file=sys.stderr)
            traceback.print_exc()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
