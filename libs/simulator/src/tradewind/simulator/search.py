"""Many seeds on all cores: each in a world of its own, in a process that never saw another program."""

import gc
import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field, replace
from functools import partial
from time import monotonic

from tradewind.simulator.setup import Setup
from tradewind.simulator.world import Run, simulate

CHUNK = 8
"""Seeds in one piece of work: few enough for a lively progress line, enough to be worth the way."""


@dataclass(slots=True)
class Tally:
    """What a search has come to so far."""

    runs: int = 0
    jobs: int = 0
    attempts: int = 0
    events: int = 0
    virtual_s: float = 0.0
    injected: Counter[str] = field(default_factory=Counter[str])
    failed: list[Run] = field(default_factory=list[Run])
    missing: set[str] = field(default_factory=set[str])
    """The names of strikes that were asked for and have come about in no run."""
    digest: str = ""
    """Of the history that came last."""
    began: float = field(default_factory=monotonic)

    def add(self, run: Run) -> None:
        self.runs += 1
        self.jobs += run.jobs
        self.attempts += run.attempts
        self.events += run.events
        self.virtual_s += run.virtual_s
        self.injected.update(run.injected)
        self.missing.difference_update(run.struck)
        self.digest = run.digest
        if run.violation is not None:
            self.failed.append(run)

    @property
    def seconds(self) -> float:
        return max(monotonic() - self.began, 1e-9)


def search(
    seeds: range,
    setup: Setup,
    *,
    workers: int | None = None,
    failures: int = 1,
    seconds: float | None = None,
    progress: Callable[[Tally], None] = lambda tally: None,
) -> Tally:
    """Runs `setup` with every seed, or until `failures` of them have failed or `seconds` are over (what was
    begun is then still counted).
    """
    tally = Tally(missing=set(setup.strikes or ()))

    def over() -> bool:
        return len(tally.failed) >= failures or (seconds is not None and tally.seconds >= seconds)

    chunks = (seeds[start : start + CHUNK] for start in range(0, len(seeds), CHUNK))
    workers = min(workers or os.cpu_count() or 1, -(-len(seeds) // CHUNK))
    if workers <= 1:
        for seed in seeds:
            tally.add(simulate(replace(setup, seed=seed)))
            progress(tally)
            if over():
                break
        return tally
    # Spawned, so that a world depends on its seed alone and not on what this process has done before.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_begin_work) as pool:
        chunked = (partial(_run_chunk, chunk, setup) for chunk in chunks)
        for runs in _as_they_come(pool, chunked, at_once=workers + 1):
            for run in runs:
                tally.add(run)
            progress(tally)
            if over():
                pool.shutdown(wait=True, cancel_futures=True)
                break
    tally.failed.sort(key=lambda run: run.seed)
    return tally


def _begin_work() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is for whoever gave the work
    collect_seldom()


def collect_seldom() -> None:
    """A world makes many values and few cycles: looking for garbage as often as usual costs a fifth."""
    gc.freeze()
    gc.set_threshold(500_000, 20, 20)


def _as_they_come(
    pool: ProcessPoolExecutor, work: Iterator[Callable[[], list[Run]]], *, at_once: int
) -> Iterator[list[Run]]:
    running: set[Future[list[Run]]] = set()
    for one in work:
        running.add(pool.submit(one))
        if len(running) >= at_once:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for finished in done:
                yield finished.result()
    for last in running:
        yield last.result()


def _run_chunk(seeds: range, setup: Setup) -> list[Run]:
    return [simulate(replace(setup, seed=seed)) for seed in seeds]
