"""The processes of one launch: the session of its shim, and what has left that but carries its fence."""

import asyncio
import os
import signal
from contextlib import suppress

from tradewind.agent import procfs
from tradewind.agent.launch import Launch

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
            await self._clear(linger_s=LINGER_S if code is not None else 0.0)
        return code

    async def stop(self, *, grace_s: float) -> None:
        """SIGTERM to all, `grace_s` seconds for their end, SIGKILL."""
        told: set[int] = set()
        deadline = _now() + grace_s
        while members := await self._members():
            procfs.send(members - told, signal.SIGTERM)  # those that came meanwhile are told too
            told |= members
            if not await procfs.gone(members, within_s=max(deadline - _now(), 0)):
                break
        await self._clear(linger_s=0.0)

    async def _clear(self, *, linger_s: float) -> None:
        deadline = _now() + linger_s
        while members := await self._members():
            if not await procfs.gone(members, within_s=max(deadline - _now(), 0)):
                procfs.send(members, signal.SIGKILL)
                await procfs.gone(members, within_s=1.0)

    async def _members(self) -> set[int]:
        return await asyncio.to_thread(procfs.of_session, self._id, self._fence)


def _now() -> float:
    return asyncio.get_running_loop().time()
