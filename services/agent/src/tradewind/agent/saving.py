"""The `on_reclaim` commands of one rank, beside its task, until they end or their time is up."""

import asyncio
from collections.abc import Callable

from tradewind.agent.session import Session
from tradewind.agent.tasks import Tasks


class Saving:
    def __init__(
        self, session: Session, *, tasks: Tasks, note: Callable[[str], None], saved: Callable[[], None]
    ) -> None:
        """`note` writes into the rank's log. `saved` is called once."""
        self._session = session
        self._tasks = tasks
        self._note = note
        self._saved: Callable[[], None] | None = saved
        self._over = asyncio.Event()
        self._stopping = False
        self._limit: asyncio.Task[None] | None = None
        tasks.spawn(self._until_ended())

    def limit(self, within_s: float, *, grace_s: float) -> None:
        """They have so long from now, whatever was said before."""
        if self._over.is_set():
            return
        if self._limit is not None:
            self._limit.cancel()
        self._limit = self._tasks.spawn(self._after(within_s, grace_s=grace_s))

    def stop(self, *, grace_s: float) -> None:
        if not self._stopping and not self._over.is_set():
            self._stopping = True
            self._tasks.spawn(self._session.stop(grace_s=grace_s))

    async def over(self) -> None:
        """Returns when none of their processes is left."""
        await self._over.wait()

    async def _until_ended(self) -> None:
        code = await self._session.ended()
        self._over.set()
        if self._limit is not None:
            self._limit.cancel()
        if code and not self._stopping:
            self._note(f"on_reclaim failed with exit code {code}")
        self._tell()

    async def _after(self, within_s: float, *, grace_s: float) -> None:
        await asyncio.sleep(within_s)
        self._note("on_reclaim has not ended in time")
        self.stop(grace_s=grace_s)
        self._tell()

    def _tell(self) -> None:
        if self._saved is not None:
            saved, self._saved = self._saved, None
            saved()
