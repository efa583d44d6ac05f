"""An asyncio event loop whose time is a number: nothing waits, and a program always runs in the same order.

When nothing is ready the clock jumps to the next timer. There is no I/O, no thread and no wall clock.
Callbacks run first in, first out; timers of one moment run in the order in which they were set (asyncio's own
heap leaves that open).
"""

import asyncio
import heapq
import itertools
import math
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import Context
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

EPOCH = datetime(2030, 1, 1, tzinfo=UTC)
AT_ONE_MOMENT = 2_000_000
"""Callbacks after which a clock that does not move is taken for a loop that never ends."""


class Stuck(Exception):
    """Nothing is ready and nothing is scheduled: whoever waits would wait for ever."""


class TimeStandsStill(Exception):
    """The program goes on and on without letting time pass."""


class VirtualLoop(asyncio.base_events.BaseEventLoop):
    """The loop. Its time is in whole microseconds, so that the datetime of a moment is exact."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._ordinal = itertools.count()
        self._cancelled_timers = 0
        self._since_moved = 0
        self.events = 0
        """Callbacks run so far."""
        self._ready: deque[asyncio.Handle]

    def time(self) -> float:
        return self._now

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        moment = self._now
        if when > moment:
            # A thousandth of a tick is what floats lose; but what lies ahead must not become now.
            moment = max(math.ceil(when * 1e6 - 1e-3), round(moment * 1e6) + 1) / 1e6
        timer = asyncio.TimerHandle(moment, callback, args, self, context)
        # How asyncio knows, when one is cancelled, that it still lies in the heap.
        timer._scheduled = True
        heapq.heappush(self._timers, (moment, next(self._ordinal), timer))
        return timer

    def forgive(self) -> None:
        """Count anew how long the clock has stood."""
        self._since_moved = 0

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        self._cancelled_timers += 1
        if self._cancelled_timers > 1_000 and self._cancelled_timers * 2 > len(self._timers):
            self._timers = [entry for entry in self._timers if not entry[2].cancelled()]
            heapq.heapify(self._timers)
            self._cancelled_timers = 0

    def _run_once(self) -> None:
        if not self._ready:
            self._let_time_pass()
        self._take_due()
        for _ in range(len(self._ready)):
            handle = self._ready.popleft()
            if not handle.cancelled():
                self.events += 1
                self._since_moved += 1
                handle._run()
        if self._since_moved > AT_ONE_MOMENT:
            raise TimeStandsStill(f"{AT_ONE_MOMENT} callbacks at {self._now:.6f} s")

    def _let_time_pass(self) -> None:
        while self._timers and self._timers[0][2].cancelled():
            heapq.heappop(self._timers)
            self._cancelled_timers -= 1
        if not self._timers:
            if self._stopping:
                return
            raise Stuck(f"nothing is ready and nothing is scheduled at {self._now:.6f} s")
        if self._timers[0][0] > self._now:
            self._now = self._timers[0][0]
            self._since_moved = 0

    def _take_due(self) -> None:
        timers, now = self._timers, self._now
        while timers and timers[0][0] <= now:
            handle = heapq.heappop(timers)[2]
            handle._scheduled = False
            if handle.cancelled():
                self._cancelled_timers -= 1
            else:
                self._ready.append(handle)

    _stopping: bool

    def _process_events(self, event_list: object) -> None:
        raise NotImplementedError("virtual time has no I/O")

    def _write_to_self(self) -> None:
        """Wakes a loop that sleeps in another thread: this one never sleeps, and there is no other thread."""


class VirtualClock:
    """What services are given for a clock."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self._at = -1.0
        self._now = EPOCH

    def now(self) -> datetime:
        at = self._loop.time()
        if at != self._at:
            self._at, self._now = at, EPOCH + timedelta(microseconds=round(at * 1e6))
        return self._now


def run(main: Callable[[VirtualLoop], Coroutine[Any, Any, T]]) -> T:
    """Run `main` in a virtual time of its own, and what it left running to its end.

    Raises:
        Stuck: it waits for something that never comes.
        TimeStandsStill: it never lets time pass.
    """
    loop = VirtualLoop()
    # A task that was killed leaves its exception to nobody; that is what being killed means here.
    loop.set_exception_handler(lambda _loop, _context: None)
    try:
        return loop.run_until_complete(main(loop))
    finally:
        _end_all(loop)
        loop.close()


def _end_all(loop: VirtualLoop) -> None:
    """What a program leaves behind that failed."""
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.forgive()
        with suppress(Stuck, TimeStandsStill):
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
