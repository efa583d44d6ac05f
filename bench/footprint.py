"""What a stack takes: time until it is ready, memory and processor at rest, memory with many jobs."""

import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bench.figure import Figure, Target
from bench.parts import PARTS, cpu_s, memory_mib
from bench.stacks import home, stack, task, warm
from tradewind.local import api

SETTLE_S = 10.0
NODES, SLOTS = 20, 50
RUNNING_WITHIN_S = 300.0


def ready(*, quick: bool) -> Iterator[Figure]:
    rounds = 1 if quick else 5
    first_s: list[float] = []
    later_s: list[float] = []
    for _ in range(rounds):
        with home() as path:
            first_s.append(_start_s(path))
            api.stop(path)
            later_s.append(_start_s(path))
    how = f"median of {rounds} new homes: from the call of `start` until the home says where it answers"
    yield Figure("ready_first", median(first_s), "s", f"{how}; with initdb and all migrations")
    yield Figure("ready_later", median(later_s), "s", f"{how}; the second start of a home", Target("<", 3))


def idle(*, quick: bool) -> Iterator[Figure]:
    seconds = 5.0 if quick else 60.0
    with stack(slots=2) as running:
        time.sleep(1.0 if quick else SETTLE_S)
        used, began = cpu_s(running.pid), time.monotonic()
        time.sleep(seconds)
        now, passed_s = cpu_s(running.pid), time.monotonic() - began
        memory = memory_mib(running.pid)
    percent = {f"cpu_percent_{part}": 100 * (now[part] - used[part]) / passed_s for part in PARTS}
    yield Figure(
        "idle_memory",
        memory["pss_mib"],
        "MiB",
        "sum of PSS over all processes of a stack without nodes that has done nothing; parts with RSS, which "
        "counts what is shared for each",
        Target("<=", 400),
        memory,
    )
    how = f"of one core over {seconds:.0f} s, all processes of a stack without nodes that does nothing"
    yield Figure("idle_cpu", sum(percent.values()), "%", how, Target("<", 1), percent)


def many_running(*, quick: bool) -> Iterator[Figure]:
    nodes, slots = (2, 5) if quick else (NODES, SLOTS)
    jobs = nodes * slots
    with stack(nodes=nodes, slots=slots) as running:
        warm(running, nodes=nodes)
        with running.client() as tw:
            began = time.monotonic()
            array = tw.submit_array(task("exec sleep 3600"), count=jobs)
            while _running(tw.jobs(workflow=array.id, phases=["running"])) < jobs:
                if time.monotonic() - began > RUNNING_WITHIN_S:
                    raise RuntimeError(f"after {RUNNING_WITHIN_S:.0f} s not all of {jobs} jobs run")
                time.sleep(1.0)
            took_s = time.monotonic() - began
            time.sleep(1.0 if quick else SETTLE_S)
            memory = memory_mib(running.pid)
            tw.cancel(array.id, "measured")
    control_plane = sum(memory[f"pss_mib_{part}"] for part in PARTS if part != "nodes")
    yield Figure(
        "memory_many_running",
        memory["pss_mib"],
        "MiB",
        f"sum of PSS with {jobs} running jobs (`sleep`) on {nodes} nodes of {slots} slots, tasks and "
        "their shells included",
        parts={"control_plane_pss_mib": control_plane, "all_running_after_s": took_s, **memory},
    )


def _start_s(path: Path) -> float:
    began = time.monotonic()
    api.start(path)
    return time.monotonic() - began


def _running(jobs: Iterator[object]) -> int:
    return sum(1 for _ in jobs)
