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
from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from contextvars import Context, copy_context
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


class _Handle(asyncio.TimerHandle):
    """A callback, now or later. asyncio's own asks the loop at every step whether it is debugged: that is
    half of what a callback costs.
    """

    __slots__ = ("args", "callback", "context", "off")

    def __init__(  # noqa: PLR0917 - one for every callback: words cost time
        self, when: float, callback: Callable[..., object], args: tuple[Any, ...], context: Context | None
    ) -> None:
        self._when = when
        self.callback = callback
        self.args = args
        self.context = copy_context() if context is None else context
        self.off = False

    def cancel(self) -> None:
        self.off = True
        # The real one may hold much, and the handle lies in the heap until its time.
        self.callback, self.args = _nothing, ()

    def cancelled(self) -> bool:
        return self.off


def _nothing() -> None: ...


class VirtualLoop(asyncio.base_events.BaseEventLoop):
    """The loop. Its time is in whole microseconds, so that the datetime of a moment is exact."""

    def __init__(self) -> None:
        super().__init__()
        self._tick = 0
        """Now, in microseconds."""
        self._now = 0.0
        """The same, in seconds."""
        self._timers: list[tuple[int, int, _Handle]] = []
        self._ordinal = itertools.count()
        self._since_moved = 0
        self.events = 0
        """Callbacks run so far."""
        self._ready: deque[_Handle] = deque()

    def time(self) -> float:
        return self._now

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        handle = _Handle(self._now, callback, args, context)
        self._ready.append(handle)
        return handle

    def call_later(
        self, delay: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> _Handle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> _Handle:
        tick = self._tick
        if when > self._now:
            # A thousandth of a tick is what floats lose; but what lies ahead must not become now.
            tick = max(math.ceil(when * 1e6 - 1e-3), tick + 1)
        timer = _Handle(tick / 1e6, callback, args, context)
        heapq.heappush(self._timers, (tick, next(self._ordinal), timer))
        return timer

    def forgive(self) -> None:
        """Count anew how long the clock has stood."""
        self._since_moved = 0

    _stopping: bool

    def _run_once(self) -> None:
        """Until it is stopped."""
        ready = self._ready
        while not self._stopping:
            if not ready:
                self._let_time_pass()
                continue
            handle = ready.popleft()
            if handle.off:
                continue
            self.events += 1
            self._since_moved += 1
            if self._since_moved > AT_ONE_MOMENT:
                raise TimeStandsStill(f"{AT_ONE_MOMENT} callbacks at {self._now:.6f} s")
            try:
                handle.context.run(handle.callback, *handle.args)
            except Exception as error:  # noqa: BLE001 - as asyncio does: a callback does not end its loop
                self.call_exception_handler({"message": "in a callback", "exception": error})

    def _let_time_pass(self) -> None:
        """To the next moment for which something is scheduled."""
        timers = self._timers
        while timers and timers[0][2].off:
            heapq.heappop(timers)
        if not timers:
            raise Stuck(f"nothing is ready and nothing is scheduled at {self._now:.6f} s")
        tick = timers[0][0]
        if tick > self._tick:
            self._tick, self._now = tick, tick / 1e6
            self._since_moved = 0
        while timers and timers[0][0] <= tick:
            self._ready.append(heapq.heappop(timers)[2])

    def _process_events(self, event_list: object) -> None:
        raise NotImplementedError("virtual time has no I/O")

    def _write_to_self(self) -> None:
        """Wakes a loop that sleeps in another thread: this one never sleeps, and there is no other thread."""


class Pause:
    """Awaited, it lets `seconds` pass: `asyncio.sleep` at half the price, since the timer itself wakes the
    task. A future would have the loop call that back in a step of its own.
    """

    __slots__ = ("_asyncio_future_blocking", "_cancelled", "_loop", "_timer", "_wake")

    def __init__(self, loop: VirtualLoop, seconds: float) -> None:
        self._loop = loop
        self._cancelled = False
        self._timer = loop.call_at(loop.time() + seconds, self._over)

    def __await__(self) -> Generator["Pause"]:
        self._asyncio_future_blocking = True  # says that the task is to wait for its callback
        yield self

    def get_loop(self) -> VirtualLoop:
        return self._loop

    def add_done_callback(self, wake: Callable[["Pause"], object], *, context: Context) -> None:
        self._wake = wake
        self._timer.context = context

    def cancel(self, msg: object = None) -> bool:
        self._cancelled = True
        self._timer.cancel()
        self._loop.call_soon(self._over, context=self._timer.context)
        return True

    def result(self) -> None:
        if self._cancelled:
            raise asyncio.CancelledError

    def _over(self) -> None:
        self._wake(self)


def running() -> VirtualLoop:
    """The loop in which this is called."""
    loop = asyncio.get_running_loop()
    if not isinstance(loop, VirtualLoop):
        raise TypeError("this runs in virtual time only")
    return loop


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
