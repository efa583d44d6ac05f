"""The processes of one launch: the session of its shim, and what has left that but carries its fence."""

import asyncio
import os
import signal
from contextlib import suppress

from tradewind.agent import procfs
from tradewind.agent.launch import Launch
from tradewind.agent.rank_folder import Part

LINGER_S = 2.0
"""What the commands leave behind (a `| tee` that still writes) has so long to end by itself."""


class Session:
    def __init__(self, launch: Launch, *, fence: str) -> None:
        self.launch = launch
        self._fence = fence
        self._pidfd = procfs.open_process(launch.pid)
        if self._pidfd is not None and not launch.alive:
            os.close(self._pidfd)  # it means another process, which has the pid now
            self._pidfd = None
        # A session keeps the pid of its leader taken, so while we watch, the number means this one. If the
        # leader was dead before we came, it may mean any other by now; then the fence alone tells.
        self._id = launch.pid if self._pidfd is not None else None
        self._kill_at: float | None = None
        """When a stop's grace is over."""

    async def ended(self) -> int | None:
        """Waits until all of it has ended; the commands' exit code, None if the shim was killed over them."""
        if self._pidfd is not None:
            try:
                await procfs.readable(self._pidfd)
            finally:
                os.close(self._pidfd)
                self._pidfd = None
            with suppress(ChildProcessError):
                os.waitpid(self.launch.pid, os.WNOHANG)  # noqa: ASYNC222 -- it has ended, this reaps it
        code = self.launch.exit_code()
        if code is None or self._id is None or procfs.has_group(self._id):
            await self._see_off(kill_at=_now() + (LINGER_S if code is not None else 0.0))
        return code

    async def stop(self, *, grace_s: float) -> None:
        """SIGTERM to all, those that they start meanwhile too; `grace_s` seconds for their end; SIGKILL."""
        self._kill_at = _now() + grace_s
        await self._see_off(kill_at=self._kill_at, term=True)

    async def _see_off(self, *, kill_at: float, term: bool = False) -> None:
        told: set[int] = set()
        while members := await self._members():
            if term:
                procfs.send(members - told, signal.SIGTERM)
                told |= members
            left = (self._kill_at or kill_at) - _now()
            if left <= 0:
                procfs.send(members, signal.SIGKILL)
            await procfs.gone(members, within_s=left if left > 0 else 1.0)

    async def _members(self) -> set[int]:
        hook = self.launch.part is Part.ON_RECLAIM
        return await asyncio.to_thread(procfs.of_session, self._id, self._fence, hook=hook)


def _now() -> float:
    return asyncio.get_running_loop().time()
