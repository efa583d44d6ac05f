"""Launching a rank's commands, and finding them again after the agent was gone.

A launch is begun by its marker file and comes true when the shim creates its pid file, which only one can
create. So whoever finds a marker without a pid file can give that launch up by creating the file itself:
then it never runs, and no rank runs twice however the agent died.
"""

import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from tradewind.agent.rank_folder import Part, RankFolder
from tradewind.common.processes import started_at

_GIVEN_UP = "given-up\n"
_NOBODY = 2**22 + 1
"""A pid that no process can have: above the highest pid_max of Linux (proc_sys_kernel(5))."""
_WRITE_TRIES, _WRITE_S = 50, 0.01

KILLED = 128 + signal.SIGKILL

# Python ignores these; a command must find them as a shell would give them.
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)


@dataclass(frozen=True, slots=True)
class Launch:
    """One of a rank's launches, and its process: `started` tells it from any other that ever has its pid."""

    folder: RankFolder
    part: Part
    number: int
    pid: int
    started: str | None
    """None: it is our own child and we hold its pid until it is reaped."""

    @property
    def alive(self) -> bool:
        return started_at(self.pid) == self.started if self.started is not None else True

    def exit_code(self) -> int | None:
        """None if nobody wrote it down: the shim was killed."""
        text = _whole(self._file("exit"))
        return int(text) if text is not None else None

    def begun_at(self) -> datetime:
        return _written_at(self._file("pid")) or datetime.now(UTC)

    def ended_at(self) -> datetime:
        """Of our own child, now: a file bears the time of the last clock tick, perhaps before its start."""
        seen = None if self.started is None else _written_at(self._file("exit"))
        return seen or datetime.now(UTC)

    def _file(self, kind: str) -> Path:
        return _file(self.folder, self.part, number=self.number, kind=kind)


def begin(folder: RankFolder, part: Part, *, shim: Path, environ: Mapping[str, str]) -> Launch:
    """Run the commands of `part` in a session of their own.

    Environment variables are handed over in memory, never on a command line or in a file.
    """
    number = _mark(folder, part)
    pid = os.posix_spawn(
        "/bin/sh",
        ["sh", str(shim), str(folder.path), f"{part}-{number}", str(folder.script(part))],
        environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(folder.log), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
        setsigmask=[],
        setsigdef=_IGNORED_BY_PYTHON,
    )
    return Launch(folder, part, number, pid, started=None)


def _mark(folder: RankFolder, part: Part) -> int:
    """The first number that no launch has had."""
    for number in count(1):
        marker = _file(folder, part, number=number, kind="launch")
        try:
            os.close(os.open(marker, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            continue
        return number
    raise AssertionError("numbers do not end")


def recover(folder: RankFolder, part: Part) -> Launch | None:
    """The last launch of `part` that came true. One that might still do so is given up."""
    for number in reversed(folder.launches(part)):
        holder = _holder(_file(folder, part, number=number, kind="pid"))
        if holder is not None:
            pid, started = holder
            return Launch(folder, part, number, pid, started)
    return None


def _holder(pid_file: Path) -> tuple[int, str] | None:
    """Who came first to the pid file: a shim, or we, now or earlier (None)."""
    try:
        descriptor = os.open(pid_file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        pass
    else:
        with os.fdopen(descriptor, "w") as file:
            file.write(_GIVEN_UP)
        return None
    for _ in range(_WRITE_TRIES):
        text = _whole(pid_file)
        if text is not None:
            pid, _, started = text.partition(" ")
            return (int(pid), started) if started else None
        time.sleep(_WRITE_S)  # it is between creating the file and writing to it
    return _NOBODY, ""  # killed there: what it may have left is found by its fence


def _whole(file: Path) -> str | None:
    """What the shim wrote; None if it was killed before it had."""
    try:
        text = file.read_text()
    except FileNotFoundError:
        return None
    return text.strip() if text.endswith("\n") else None


def _written_at(file: Path) -> datetime | None:
    try:
        return datetime.fromtimestamp(file.stat().st_mtime, UTC)
    except FileNotFoundError:
        return None


def _file(folder: RankFolder, part: Part, *, number: int, kind: str) -> Path:
    return folder.path / f"{part}-{number}.{kind}"
