"""What the parts of a running stack use: its services, Postgres, NATS, its nodes with what they run."""

import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICKS_S = os.sysconf("SC_CLK_TCK")
PARTS = ("services", "postgres", "nats", "nodes")


@dataclass(frozen=True, slots=True)
class Process:
    pid: int
    parent: int
    name: str
    cpu_s: float
    """Its own, and that of its children which have ended."""


def cpu_s(stack_pid: int) -> dict[str, float]:
    """Seconds of processor time so far, a part. Take the difference of two."""
    used: dict[str, float] = {**dict.fromkeys(PARTS, 0.0)}
    for part, process in _by_part(stack_pid):
        used[part] += process.cpu_s
    return used


def memory_mib(stack_pid: int) -> dict[str, float]:
    """PSS (what is shared is split among its sharers) and RSS (it counts for each), a part and in sum."""
    sums: defaultdict[str, float] = defaultdict(float)
    for part, process in _by_part(stack_pid):
        for kind, mib in _memory(process.pid):
            sums[f"{kind}_{part}"] += mib
            sums[kind] += mib
    return dict(sums)


def cpu_ms_a(count: int, *, since: dict[str, float], stack_pid: int) -> dict[str, float]:
    """Milliseconds of processor time for each of `count` things done since then.

    Of all figures it depends least on what else runs on the machine.
    """
    now = cpu_s(stack_pid)
    by_part = {part: 1e3 * (now[part] - since[part]) / count for part in PARTS}
    return {**{f"cpu_ms_{part}": ms for part, ms in by_part.items()}, "cpu_ms": sum(by_part.values())}


def _by_part(stack_pid: int) -> Iterator[tuple[str, Process]]:
    children: defaultdict[int, list[Process]] = defaultdict(list)
    for process in _processes():
        children[process.parent].append(process)
        if process.pid == stack_pid:
            # The processes that it has reaped were of other parts.
            yield "services", process
    left = [(process, _part(process)) for process in children[stack_pid]]
    while left:
        process, part = left.pop()
        yield part, process
        left += [(child, part) for child in children[process.pid]]


def _part(child: Process) -> str:
    return {"postgres": "postgres", "nats-server": "nats"}.get(child.name, "nodes")


def _processes() -> Iterator[Process]:
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            try:
                before, _, after = (entry / "stat").read_text().rpartition(")")
            except (FileNotFoundError, ProcessLookupError):
                continue
            # proc_pid_stat(5): after the name come state, parent, …; 14 to 17 are the times.
            fields = after.split()
            cpu_ticks = sum(int(fields[place]) for place in (11, 12, 13, 14))
            yield Process(int(entry.name), int(fields[1]), before.partition("(")[2], cpu_ticks / TICKS_S)


def _memory(pid: int) -> Iterator[tuple[str, float]]:
    try:
        lines = (PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return
    for line in lines:
        name, _, rest = line.partition(":")
        if name in {"Pss", "Rss"}:
            yield f"{name.lower()}_mib", int(rest.split()[0]) / 1024
