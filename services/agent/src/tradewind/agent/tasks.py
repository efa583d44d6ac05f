"""Tasks that end when they are cancelled, and whose faults end the agent.

Up to Python 3.11 `asyncio.wait_for`, which nats-py stands on, loses a cancellation that meets the answer it
waits for (cpython issue 86296); so one that has not helped is repeated.
"""

import asyncio
from collections.abc import Callable, Collection, Coroutine
from typing import Any

AGAIN_S = 0.2

Failed = Callable[[BaseException], None]
"""Hears of a bug, or of a full disk: nothing is sure then, and the next agent goes on from the journal."""


class Tasks:
    def __init__(self, failed: Failed) -> None:
        self._failed = failed
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._on_done)
        return task

    async def close(self) -> None:
        await cancel(self._tasks)

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(error)


async def cancel(tasks: Collection[asyncio.Future[Any]]) -> None:
    """Returns when all of them are done. What they raise stays with them."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=AGAIN_S)
