"""What the embedded servers share: start (again) on a kept port, be ready, stop, tell of their death."""

import asyncio
import logging
import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from tradewind.common.processes import ended, started_at, was_given
from tradewind.local.child_process import ChildProcess
from tradewind.local.home import Home
from tradewind.local.ports import is_free
from tradewind.local.settings import Settings

log = logging.getLogger(__name__)

READY_WITHIN_S = 60.0  # generous: after a power cut Postgres first replays its log
POLLS_S = (0.003,) * 100 + (0.03,)
"""Between two looks whether it is ready: a start takes a moment, a replay of a log many."""


class ServerFailed(Exception):
    """A server did not start; the text says which, and the end of its log."""


class EmbeddedServer(ABC):
    """One server of a home. The holder of the home's lock is its supervisor, and the only one who calls this.

    The supervisor's loop: `start()`, then `wait_dead()`; when that returns unasked, `start()` again. Call
    `start` on the main thread (see `ChildProcess.spawn`); only the spawn itself blocks it, for a few
    milliseconds.
    """

    name: ClassVar[str]
    """Names its port and log, and is how messages speak of it."""
    stop_steps: ClassVar[Sequence[tuple[signal.Signals, float]]]
    """Signals in order, each with the seconds that it may take. The first is also its death signal."""

    def __init__(self, home: Home, settings: Settings) -> None:
        self.home = home
        self.settings = settings
        self.port = 0  # known once started
        self._child: ChildProcess | None = None

    @property
    def log(self) -> Path:
        return self.home.logs / f"{self.name}.log"

    @property
    def pid(self) -> int | None:
        """Its process while it runs."""
        return self._child.pid if self._child and self._child.returncode is None else None

    async def start(self) -> None:
        """Bring it up and return when it is ready for clients. Does nothing if it runs.

        Raises:
            ServerFailed: it ended before it was ready, or was not ready within a minute.
        """
        if self.pid is not None:
            return
        await self._prepare()
        await self._end_orphan()
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                ready = await self._run_until_ready()
                while not ready:
                    await asyncio.sleep(0.05)
                    ready = await self._run_until_ready()
        except TimeoutError:
            await self.stop()
            raise ServerFailed(
                f"{self.name} was not ready within {READY_WITHIN_S:.0f} s: {self._last_words()}"
            ) from None
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop it in order, by force if it takes too long. Does nothing if it does not run."""
        if self._child is not None:
            await self._child.stop(steps=self.stop_steps)

    async def wait_dead(self) -> int:
        """Return its exit code as soon as it ends: negative for a signal, at once if it does not run now."""
        return await self._child.wait() if self._child else 0

    async def _run_until_ready(self) -> bool:
        """Spawn it. False if it ended for a reason that goes away with another try."""
        self.port = self.settings.port(self.name)
        child = self._child = ChildProcess.spawn(
            self._command(),
            log=self.log,
            death_signal=self.stop_steps[0][0],
            identity=self._identity(),
        )
        death = asyncio.create_task(child.wait())
        polls = iter(POLLS_S)
        try:
            while not death.done():
                if await self._is_ready():
                    return True
                await asyncio.wait({death}, timeout=next(polls, POLLS_S[-1]))
        finally:
            death.cancel()
        if not is_free(self.port):
            log.warning(
                "%s: another program took port %d meanwhile, so it moves to another one", self.name, self.port
            )
            self.settings.new_port(self.name)
            return False
        if child.returncode == -signal.SIGKILL or self._may_pass(child.said()):
            return False
        raise ServerFailed(
            f"{self.name} ended with exit code {child.returncode} while starting: {self._last_words()}"
        )

    async def _end_orphan(self) -> None:
        """End a server that a killed supervisor left behind; forget a pid file that speaks of nobody.

        A stale pid may by now belong to any process, so the one to be ended must show our own path on its
        command line.
        """
        pid = self._pid_in_file()
        if pid is not None and started_at(pid) is not None and was_given(pid, self._mark()):
            log.warning("%s: process %d was left behind by an earlier supervisor; ending it", self.name, pid)
            for number, seconds in (*self.stop_steps, (signal.SIGKILL, 10.0)):
                try:
                    os.kill(pid, number)
                    async with asyncio.timeout(seconds):
                        await ended(pid)
                    break
                except ProcessLookupError:
                    break
                except TimeoutError:
                    continue
        self._pid_file().unlink(missing_ok=True)

    def _pid_in_file(self) -> int | None:
        try:
            first, *_ = self._pid_file().read_text().splitlines()
            return int(first)
        except (FileNotFoundError, ValueError):
            return None

    def _last_words(self) -> str:
        words = self._child.said() if self._child else ""
        return f"{words or 'it said nothing'} (from {self.log})"

    @abstractmethod
    async def _prepare(self) -> None:
        """Make what must be there before the first start."""

    @abstractmethod
    def _command(self) -> list[str]:
        """Write its configuration for `self.port`; return its command line, with `_mark()` as a word."""

    def _identity(self) -> str:
        """Who it runs as (see `exec_child.become`)."""
        return "self"

    @abstractmethod
    async def _is_ready(self) -> bool:
        """Whether it serves clients now. False while it cannot be reached; it must be ours that answers."""

    def _may_pass(self, said: str) -> bool:
        """Whether a start that ended with these words may go well a little later."""
        return False

    @abstractmethod
    def _pid_file(self) -> Path:
        """Where it writes its pid."""

    @abstractmethod
    def _mark(self) -> str:
        """The word of its command line that no other process has."""
