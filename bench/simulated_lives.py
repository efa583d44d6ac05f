"""Job lives a second of one core in the simulator, with every promise judged: the price of one more seed."""

import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

from bench.figure import Figure, Target
from tradewind.simulator.search import collect_seldom
from tradewind.simulator.setup import JOBS, Setup
from tradewind.simulator.world import simulate

SEEDS = range(1, 41)
"""Every fourth of them encodes all messages and rows."""
MANY = 1_000


def simulated_lives(*, quick: bool) -> Iterator[Figure]:
    seeds, many = (SEEDS[:8], 100) if quick else (SEEDS, MANY)
    small = _measured([Setup(seed) for seed in seeds])
    large = _measured([Setup(1, jobs=many)])
    shared = "processor time of one process, its imports not counted; all promises are judged"
    yield Figure(
        "simulated_lives",
        small["jobs"] / small["cpu_s"],
        "job lives/s",
        f"{len(seeds)} worlds of about {JOBS} jobs, default faults, ten minutes of faults and the rest until "
        f"all is still; {shared}",
        Target(">=", 1_000),
        small,
    )
    yield Figure(
        "simulated_lives_large",
        large["jobs"] / large["cpu_s"],
        "job lives/s",
        f"one world of {many} jobs, submitted within four minutes, default rates of all faults; {shared}",
        Target(">=", 1_000),
        large,
    )


def _measured(setups: list[Setup]) -> dict[str, float]:
    """In a process of its own, as a search does it: how that collects garbage is not for other figures."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=collect_seldom) as pool:
        return pool.submit(_live, setups).result()


def _live(setups: list[Setup]) -> dict[str, float]:
    """Raises what broke a promise: then there is no figure."""
    simulate(Setup(1, jobs=1))  # what is made once: validators, compiled expressions
    began = time.process_time()
    runs = [simulate(setup) for setup in setups]
    cpu_s = time.process_time() - began
    for broken in (run.violation for run in runs if run.violation is not None):
        raise broken
    return {
        "jobs": sum(run.jobs for run in runs),
        "attempts": sum(run.attempts for run in runs),
        "steps": sum(run.events for run in runs),
        "faults": sum(sum(run.injected.values()) for run in runs),
        "virtual_h": sum(run.virtual_s for run in runs) / 3600,
        "cpu_s": cpu_s,
    }
