"""Several streams, one order: what arrived while the last batch was under way is the next batch."""

import asyncio
from collections import deque
from collections.abc import Sequence

from tradewind.common.reactor.ports import Bus, Delivery, Intake

FETCH = 200
HELD = 1_000
"""Deliveries held at most; a slow leader leaves the rest in the stream."""


class Inbox:
    """Takes from every intake as soon as something is there. A fault of one surfaces in `take`."""

    def __init__(self) -> None:
        self._intakes: dict[str, Intake] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._held: deque[Delivery] = deque()
        self._changed = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()

    async def open(self, bus: Bus, *, stream: str, durable: str, filters: tuple[str, ...] = ()) -> None:
        intake = await bus.intake(stream=stream, durable=durable, filters=filters)
        self._intakes[stream] = intake
        task = asyncio.create_task(self._pump(intake), name=f"intake {durable} {stream}")
        task.add_done_callback(lambda _: self._changed.set())
        self._tasks.append(task)

    async def take(self, limit: int, *, timeout_s: float) -> Sequence[Delivery]:
        """At most `limit` deliveries; waits for the first of them, for `timeout_s` at most. Raises what an
        intake raised.
        """
        if not self._held and timeout_s > 0:
            self._changed.clear()
            self._raise_fault()
            # The alarm sets the same event: a timeout would cancel the task, and catch that.
            alarm = asyncio.get_running_loop().call_later(timeout_s, self._changed.set)
            try:
                await self._changed.wait()
            finally:
                alarm.cancel()
        self._raise_fault()
        taken = [self._held.popleft() for _ in range(min(limit, len(self._held)))]
        if len(self._held) < HELD:
            self._drained.set()
        return taken

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        of_stream: dict[str, list[Delivery]] = {}
        for one in deliveries:
            of_stream.setdefault(one.position.stream, []).append(one)
        for stream, acked in of_stream.items():
            await self._intakes[stream].ack(acked)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for intake in self._intakes.values():
            await intake.close()

    async def _pump(self, intake: Intake) -> None:
        while True:
            await self._drained.wait()
            self._held.extend(await intake.fetch(FETCH))
            self._changed.set()
            if len(self._held) >= HELD:
                self._drained.clear()

    def _raise_fault(self) -> None:
        for task in self._tasks:
            if task.done() and not task.cancelled():
                fault = task.exception()
                if fault is not None:
                    raise fault
