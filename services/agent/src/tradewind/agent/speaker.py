"""Telling the world: the level of each rank, until the bus has it, and that the node is there.

Of a rank only the newest level matters, so one that is overtaken before it was acked is not sent. For each
rank one message is under way at a time, so what is said of it arrives in order.
"""

import asyncio
import itertools
import os
from datetime import UTC, datetime

from tradewind.agent.journal import Journal, Record
from tradewind.agent.tasks import Failed, Tasks
from tradewind.common.bus.connection import Connection
from tradewind.common.bus.publisher import Publisher
from tradewind.common.contracts.envelope import Envelope, encode
from tradewind.common.contracts.job import ENDED_RANK_PHASES
from tradewind.common.contracts.rank import RankSaid
from tradewind.common.contracts.registry import Said
from tradewind.common.contracts.values import Fence
from tradewind.common.reactor.ports import Unavailable

PAUSES_S = (0.05, 0.2, 1.0, 2.0)


class Speaker:
    def __init__(
        self, *, node: str, journal: Journal, connection: Connection, publisher: Publisher, failed: Failed
    ) -> None:
        self.boot = os.urandom(8).hex()
        """Differs each time the agent's process starts."""
        self._node = node
        self._journal = journal
        self._connection = connection
        self._publisher = publisher
        self._ordinal = itertools.count(1)
        self._pending: dict[Fence, Envelope] = {}
        self._sending: dict[Fence, asyncio.Task[None]] = {}
        self._tasks = Tasks(failed)

    def say(self, said: RankSaid, *, trace: str) -> None:
        """Write it down, and send it until it is acked or overtaken."""
        self._journal.append(Record(said=said))
        if said.phase in ENDED_RANK_PHASES:
            self._journal.sync_soon()
        # The trace of a job ends with its start; how it ends, hours later, is a trace of its own, linked to
        # that one.
        over = said.phase in ENDED_RANK_PHASES
        self._pending[said.fence] = self._envelope(
            said, correlation=said.fence.job, trace="" if over else trace, link=trace if over else ""
        )
        if said.fence not in self._sending:
            self._sending[said.fence] = self._tasks.spawn(self._send(said.fence))

    def is_pending(self, fence: Fence) -> bool:
        return fence in self._pending

    async def announce(self, said: Said) -> None:
        """Say something that the next one of its kind makes up for, if it is lost. Raises Unavailable."""
        await self._publisher.publish([encode(self._envelope(said, correlation=self._node, trace=""))])

    async def close(self) -> None:
        await self._tasks.close()

    async def _send(self, fence: Fence) -> None:
        failed = 0
        try:
            while (envelope := self._pending.get(fence)) is not None:
                try:
                    await self._publisher.publish([encode(envelope)])
                except Unavailable:
                    await self._connection_or_pause(PAUSES_S[min(failed, len(PAUSES_S) - 1)])
                    failed += 1
                    continue
                failed = 0
                if self._pending.get(fence) is envelope:
                    del self._pending[fence]
                    self._journal.append(Record(acked=fence))
        finally:
            del self._sending[fence]

    async def _connection_or_pause(self, pause_s: float) -> None:
        """Wait for `pause_s`, or until the bus is found again."""
        back = asyncio.Event()
        unwatch = self._connection.watch(lambda up: back.set() if up else None)
        try:
            async with asyncio.timeout(pause_s):
                await back.wait()
        except TimeoutError:
            return
        finally:
            unwatch()

    def _envelope(self, said: Said, *, correlation: str, trace: str, link: str = "") -> Envelope:
        return Envelope(
            id=f"{self._node}/{self.boot}/{next(self._ordinal)}",
            message=said,
            source=f"tradewind/agent/{self._node}",
            time=datetime.now(UTC),
            correlation=correlation,
            traceparent=trace,
            link=link,
        )
