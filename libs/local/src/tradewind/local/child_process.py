"""A child that ends with its parent, writes to a log of its own, and whose end is known at once."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from tradewind.common.processes import ended

EXEC_CHILD = Path(__file__).with_name("exec_child.py")
LOG_LIMIT = 8 * 2**20
# What a server needs of our environment; the rest may hold secrets, and is none of its business.
PASSED_ON = ("HOME", "LD_LIBRARY_PATH", "PATH", "TMPDIR")


class ChildProcess:
    """One run of a program. `log_start` is where in `log` its output begins."""

    def __init__(self, process: subprocess.Popen[bytes], *, log: Path, log_start: int) -> None:
        self._process = process
        self.log = log
        self._log_start = log_start

    @classmethod
    def spawn(
        cls, argv: Sequence[str], *, log: Path, death_signal: signal.Signals, identity: str = "self"
    ) -> Self:
        """Start a program that gets `death_signal` when this process ends, even by kill -9 (on Linux).

        Call it on the main thread: the kernel sends the death signal when the *thread* that forked ends
        (prctl(2), PR_SET_PDEATHSIG). `identity` is one of those of `exec_child.become`.
        """
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("spawn servers on the main thread: they end with the thread that spawned them")
        command = list(argv)
        if sys.platform == "linux":
            binder = [sys.executable, "-I", "-S", str(EXEC_CHILD)]
            command = [*binder, str(os.getpid()), str(int(death_signal)), identity, *argv]
        if log.exists() and log.stat().st_size > LOG_LIMIT:
            log.replace(log.with_name(f"{log.name}.1"))
        with log.open("ab") as output:
            log_start = output.tell()
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,  # a pipe that it inherits would outlive us, and hang its reader
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C in a terminal is for us; we then stop our children in order
                umask=0o077,
                env={"LC_ALL": "C"} | {name: os.environ[name] for name in PASSED_ON if name in os.environ},
            )
        return cls(process, log=log, log_start=log_start)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs; negative for the signal that ended it."""
        return self._process.poll()

    async def wait(self) -> int:
        """Return its exit code as soon as it ends. Any number of tasks may wait."""
        if self._process.poll() is None:
            await ended(self.pid)
        return self._process.wait()

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)  # which does nothing once it has been waited for

    async def stop(self, *, steps: Sequence[tuple[signal.Signals, float]]) -> int:
        """Send each signal in turn and give it its seconds; in the end SIGKILL. Returns the exit code."""
        for number, seconds in steps:
            self.send(number)
            try:
                async with asyncio.timeout(seconds):
                    return await self.wait()
            except TimeoutError:
                continue
        self.send(signal.SIGKILL)
        return await self.wait()

    def said(self, *, last: int = 2000) -> str:
        """The end of what this run wrote to its log."""
        with self.log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            began = self._log_start if self._log_start <= size else 0  # it began a new file
            file.seek(max(began, size - last))
            return file.read().decode(errors="replace").strip()
