"""Which processes there are, as /proc tells it, and waiting for their end without asking again and again."""

import asyncio
import os
import signal
from collections.abc import Collection, Iterable

FENCE = "TRADEWIND_FENCE"
HOOK = "TRADEWIND_HOOK"
"""Which processes of a rank are not its task's own, but of commands that run beside it."""


def fenced(fences: Collection[str]) -> set[int]:
    """The processes that carry one of these fences in their environment."""
    needles = _needles(fences)
    return {pid for pid in _pids() if _carries(pid, needles)}


def of_session(session: int | None, fence: str, *, hook: bool) -> set[int]:
    """The living processes of a session, and those that left it and still carry its fence. A task
    and its hook are two sessions: neither has the other's.
    """
    needles = _needles([fence])
    return {
        pid
        for pid in _pids()
        if _is_in(pid, session) or (_carries(pid, needles) and _carries(pid, [_A_HOOK]) is hook)
    }


def send(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):  # it has gone, or become another user's
            continue


async def gone(pids: Iterable[int], *, within_s: float) -> bool:
    """Whether all of them end within that time; returns as soon as they have."""
    descriptors = [descriptor for pid in pids if (descriptor := open_process(pid)) is not None]
    try:
        async with asyncio.timeout(within_s):
            for descriptor in descriptors:
                await readable(descriptor)
    except TimeoutError:
        return False
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
    return True


def open_process(pid: int) -> int | None:
    """A descriptor that means this process and no later one of its pid; None if there is none."""
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


async def readable(pidfd: int) -> None:
    """Returns once the process has ended; it need not be a child of ours (pidfd_open(2))."""
    loop = asyncio.get_running_loop()
    over = loop.create_future()
    loop.add_reader(pidfd, lambda: over.done() or over.set_result(None))
    try:
        await over
    finally:
        loop.remove_reader(pidfd)


def has_group(group: int) -> bool:
    """Whether any process, be it a zombie, is in the process group."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


_A_HOOK = f"\0{HOOK}=".encode()


def _pids() -> list[int]:
    own = os.getpid()
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != own]


def _is_in(pid: int, session: int | None) -> bool:
    if session is None:
        return False
    # proc_pid_stat(5): state, ppid, pgrp, session follow the name, which may hold anything but ends with
    # the last ).
    fields = _read(pid, "stat").rpartition(b")")[2].split()
    return len(fields) > 3 and fields[0] not in {b"Z", b"X"} and int(fields[3]) == session


def _needles(fences: Iterable[str]) -> list[bytes]:
    return [f"\0{FENCE}={fence}\0".encode() for fence in fences]


def _carries(pid: int, needles: Iterable[bytes]) -> bool:
    environ = b"\0" + _read(pid, "environ")  # empty for a zombie
    return any(needle in environ for needle in needles)


def _read(pid: int, name: str) -> bytes:
    try:
        descriptor = os.open(f"/proc/{pid}/{name}", os.O_RDONLY)
    except OSError:
        return b""
    try:
        return b"".join(iter(lambda: os.read(descriptor, 65536), b""))
    except OSError:
        return b""
    finally:
        os.close(descriptor)
