"""What ranks that are over left running outside of their session: found by its fence, and killed."""

import asyncio
import signal

from tradewind.agent import procfs

PAUSE_PER_SCAN = 100
"""A scan reads the environment of all our processes on the machine; it gets a hundredth of the time."""


class Leftovers:
    def __init__(self) -> None:
        self._next: dict[str, None] = {}
        self._scan: asyncio.Task[None] | None = None
        self._rest_until = 0.0

    async def sweep(self, fence: str) -> None:
        """Returns when nothing carries the fence any more. One scan serves all who ask before it begins."""
        self._next[fence] = None
        if self._scan is None:
            self._scan = asyncio.create_task(self._sweep_next())
        await asyncio.shield(self._scan)

    async def _sweep_next(self) -> None:
        now = asyncio.get_running_loop().time
        await asyncio.sleep(self._rest_until - now())
        fences, self._next, self._scan = tuple(self._next), {}, None
        began = now()
        while found := await asyncio.to_thread(procfs.fenced, fences):
            procfs.send(found, signal.SIGKILL)
            await procfs.gone(found, within_s=1.0)
        ended = now()
        self._rest_until = ended + PAUSE_PER_SCAN * (ended - began)
