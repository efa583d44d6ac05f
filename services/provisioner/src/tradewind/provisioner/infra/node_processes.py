"""The processes of a local node, found by the variable that all of them inherit, and ended to the last."""

import asyncio
import os
import signal
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from tradewind.common.contracts.node_file import NODE_ID_VARIABLE
from tradewind.common.processes import ended, started_at

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Process:
    pid: int
    parent: int
    session: int
    marked: bool
    """The node's id is in its environment."""
    started: str


async def processes_of(node: str, known: Iterable[Process] = ()) -> list[Process]:
    """All that runs of the node, as far as can be seen now: see `_belonging`."""
    return await asyncio.to_thread(_belonging, node, tuple(known))


async def end_processes(node: str, known: Iterable[Process] = ()) -> None:
    """Kill all that runs of the node; return when nothing does (one may start others until it is hit).

    `known` are those that were seen earlier: by now some may have lost what ties them to the node.
    """
    seen = {process.pid: process for process in known}
    while running := await processes_of(node, seen.values()):
        seen |= {process.pid: process for process in running}
        killed = [process.pid for process in running if send(process, signal.SIGKILL)]
        await asyncio.gather(*(ended(pid) for pid in killed))


def _belonging(node: str, known: Collection[Process]) -> list[Process]:
    """Those that bear its mark, those in a session with one that did, and all their descendants.

    The mark alone misses a task that wrote over its environment (as programs do that set their title in
    `ps`), or started another with an empty one.
    """
    everything = [one for entry in PROC.iterdir() if entry.name.isdigit() and (one := _read(entry, node))]
    told = {one.pid: one.started for one in known}
    own = os.getpid()
    sessions = {one.session for one in (*known, *everything) if one.marked} - {0, os.getsid(own)}
    found = {
        one.pid: one
        for one in everything
        if one.marked or one.session in sessions or (one.pid in told and started_at(one.pid) == told[one.pid])
    }
    while children := [one for one in everything if one.parent in found and one.pid not in found]:
        found |= {child.pid: child for child in children}
    found.pop(own, None)
    dated = [replace(one, started=started_at(one.pid) or "") for one in found.values()]
    return [one for one in dated if one.started]


def _read(entry: Path, node: str) -> Process | None:
    """Not dated yet. None for a process that has ended, and for what is not ours to see."""
    try:
        # proc_pid_stat(5): after the name, in parentheses: state, parent, process group, session.
        state, parent, _, session, *_ = (entry / "stat").read_text().rpartition(")")[2].split()
        environ = (entry / "environ").read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    if state in {"Z", "X"}:
        return None
    marked = f"{NODE_ID_VARIABLE}={node}".encode() in environ.split(b"\0")
    return Process(int(entry.name), parent=int(parent), session=int(session), marked=marked, started="")


def send(process: Process, number: signal.Signals) -> bool:
    """To this very process: its descriptor is opened before we look whether the pid is still its own."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return False
    try:
        if started_at(process.pid) != process.started:
            return False
        signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(descriptor)
    return True
