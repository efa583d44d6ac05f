"""Tells who follows a job at once when it is over.

By a plain subscription to the jobs' last events, which reach every gateway; the read model's own reader
reaches one of them. It may miss one (a reconnect): whoever waits also looks at the read model now and then.
"""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

from nats.aio.msg import Msg

from tradewind.common.bus.connection import Connection
from tradewind.common.bus.failures import unavailable
from tradewind.common.contracts.envelope import Packet, Undecodable, decode
from tradewind.common.contracts.job import JobCancelled, JobEvent, JobFailed, JobSucceeded
from tradewind.gateway.job_reads import Outcome

LAST_EVENTS: tuple[type[JobEvent], ...] = (JobSucceeded, JobFailed, JobCancelled)


@dataclass(eq=False, slots=True)
class Ending:
    """Of one job, for one who waits. `outcome` is None while it goes on."""

    outcome: Outcome | None = None
    told: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, outcome: Outcome | None) -> None:
        if outcome is not None and outcome.over:
            self.outcome = outcome
            self.told.set()


class Endings:
    def __init__(self) -> None:
        self._waiting: dict[str, set[Ending]] = {}

    @contextmanager
    def of(self, job: str) -> Generator[Ending]:
        ending = Ending()
        waiting = self._waiting.setdefault(job, set())
        waiting.add(ending)
        try:
            yield ending
        finally:
            waiting.discard(ending)
            if not waiting:
                self._waiting.pop(job, None)

    async def run(self, connection: Connection) -> None:
        """Until cancelled. Raises Unavailable."""
        with unavailable("the ends of jobs"):
            subscriptions = [
                await connection.client.subscribe(event.subjects(), cb=self._on_event)
                for event in LAST_EVENTS
            ]
        try:
            await asyncio.Event().wait()
        finally:
            if connection.up:
                for subscription in subscriptions:
                    await subscription.unsubscribe()

    async def _on_event(self, message: Msg) -> None:
        headers = message.headers or {}
        waiting = self._waiting.get(headers.get("ce-subject", ""))
        if not waiting:
            return
        try:
            event = decode(Packet(message.subject, headers, message.data)).message
        except Undecodable:
            return  # the read model sets it aside
        if isinstance(event, JobEvent):
            for ending in tuple(waiting):
                ending.note(Outcome(event.job.phase, event.job.exit_code))
