"""A process of the simulated world: it may die between any two steps, and then nothing of it goes on.

All tasks that a process starts belong to it (a context variable is inherited by every task, whoever makes
it). A killed process has no last words: its `finally` blocks run, as Python will have it, but every call that
they make outside raises.
"""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, ContextVar
from typing import Any, TypeVar

T = TypeVar("T")

_present: ContextVar["Process | None"] = ContextVar("process", default=None)


Broke = Callable[["Process", BaseException | None], None]
"""Hears of a main task that ended by itself, and how (None: well)."""


class Killed(BaseException):
    """Raised inside a process that was killed. Not an Exception: nothing may catch it and go on."""


class Process:
    """One life of a service, an agent or a user. `on_end` hears of a main task that ended by itself."""

    def __init__(self, name: str, *, on_end: Broke) -> None:
        self.name = name
        self.alive = True
        self.frozen_until = 0.0
        self._on_end = on_end
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._main: asyncio.Task[None] | None = None

    def start(self, main: Coroutine[Any, Any, None]) -> None:
        context_token = _present.set(self)
        try:
            task = asyncio.get_running_loop().create_task(main, name=self.name)
        finally:
            _present.reset(context_token)
        self._main = task
        task.add_done_callback(self._ended)

    async def end(self) -> None:
        """Ask it to end, and wait until it has: its last words are heard."""
        if self._main is not None:
            self._main.cancel()
            await asyncio.wait((self._main,))
        self.kill()

    def adopt(self, task: asyncio.Task[Any]) -> None:
        self._tasks[task] = None
        task.add_done_callback(self._forget)
        if not self.alive:
            task.cancel()

    def kill(self) -> None:
        """It is gone from now on. May be called from within one of its own tasks, which must then raise
        Killed.
        """
        if not self.alive:
            return
        self.alive = False
        present = asyncio.current_task()
        for task in list(self._tasks):
            if task is not present:
                task.cancel()

    async def gone(self) -> None:
        """Waits for the last of a killed process."""
        while self._tasks:
            await asyncio.wait(list(self._tasks))

    @property
    def at_work(self) -> bool:
        """It lives and is not frozen: asked first, since it nearly always is, and a coroutine costs more."""
        return self.alive and not self.frozen_until

    async def breathe(self) -> None:
        """Where a process may be found dead or frozen. Raises Killed."""
        if not self.alive:
            raise Killed(self.name)
        if self.frozen_until:
            await self._thaw()

    async def _thaw(self) -> None:
        loop = asyncio.get_running_loop()
        while self.frozen_until > loop.time():
            await asyncio.sleep(self.frozen_until - loop.time())
            if not self.alive:
                raise Killed(self.name)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(task, None)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        if self.alive and not task.cancelled():
            self._on_end(self, task.exception())


def task_factory(
    loop: asyncio.AbstractEventLoop,
    coro: Coroutine[Any, Any, T] | Generator[Any, None, T],
    context: Context | None = None,
) -> "asyncio.Task[T]":
    """Gives each new task to the process in which it was made."""
    task = asyncio.Task(coro, loop=loop, context=context)
    owner = context.get(_present) if context is not None else _present.get()
    if owner is not None:
        owner.adopt(task)
    return task
