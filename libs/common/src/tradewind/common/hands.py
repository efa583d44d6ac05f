"""Hands: what a service does outside. An intent is committed first; a hand carries it out, looks before it
retries, and reports back as an input of the service's own reactor.

What a crash leaves: before `begin_intent`, the intent, begun by the next leader. After it, an intent with
attempts > 0:
the hand looks whether it was done before it acts again. After the report was published, nothing: the report
closes the
intent in the transaction that folds it.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from tradewind.common.contracts.envelope import Envelope, encode
from tradewind.common.contracts.registry import Report
from tradewind.common.reactor.decision import Intent, derived_id
from tradewind.common.reactor.ports import Bus, Clock, Store, Unavailable

log = logging.getLogger(__name__)

RETRY_S = (0.2, 1.0, 5.0, 15.0, 60.0)
UNANSWERED_S = 60.0
"""A report that has not closed its intent by then is made again: the bus may have lost it."""
AT_ONCE = 32


class Transient(Exception):
    """It may work in a moment. The hand tries again by itself."""


class Hand(Protocol):
    """Does one kind of thing. What it does must be idempotent under the intent's id."""

    async def look(self, intent: Intent) -> Report | None:
        """Whether it was done already, by an earlier attempt whose report may be lost. None: not done."""
        ...

    async def act(self, intent: Intent) -> Report:
        """Do it. A refusal is a report too; raises Transient where trying again may help."""
        ...


class Hands:
    """Carries out the intents of one service's leader, each in a task of its own."""

    def __init__(
        self, hands: Mapping[str, Hand], *, service: str, store: Store, bus: Bus, clock: Clock
    ) -> None:
        self._hands = hands
        self._service = service
        self._store = store
        self._bus = bus
        self._clock = clock
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._room = asyncio.Semaphore(AT_ONCE)

    def take(self, intents: Sequence[Intent]) -> None:
        """Begin what was committed. What is under way already goes on."""
        for intent in intents:
            if intent.id not in self._tasks:
                task = asyncio.create_task(self._carry_out(intent), name=f"{intent.hand} {intent.target}")
                self._tasks[intent.id] = task
                task.add_done_callback(self._forgetter(intent.id))

    async def drop(self) -> None:
        """Let go of everything: somebody else leads now, or nobody does. What was begun is looked at before
        it is
        begun again."""
        for task in list(self._tasks.values()):
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _forgetter(self, intent_id: str) -> Callable[[asyncio.Task[None]], None]:
        def forget(task: asyncio.Task[None]) -> None:
            self._tasks.pop(intent_id, None)
            if not task.cancelled() and task.exception() is not None:
                log.error(
                    "a hand of %s broke on intent %s", self._service, intent_id, exc_info=task.exception()
                )

        return forget

    async def _carry_out(self, intent: Intent) -> None:
        """Until the intent is closed: a report is an input like any other, and may be lost."""
        delays = iter(RETRY_S)
        while True:
            try:
                async with self._room:
                    report = await self._attempt(intent)
                    if report is None:
                        return
                    await self._report(intent, report)
                await asyncio.sleep(UNANSWERED_S)
            except (Transient, Unavailable) as fault:
                delay = next(delays, RETRY_S[-1])
                log.warning("%s of %s tries again in %.1f s: %s", intent.hand, intent.target, delay, fault)
                await asyncio.sleep(delay)

    async def _attempt(self, intent: Intent) -> Report | None:
        """The report, or None where the intent is closed by now."""
        hand = self._hands[intent.hand]
        begun = await self._store.begin_intent(intent.id)
        if begun == 0:
            return None
        if begun > 1:
            done = await hand.look(intent)
            if done is not None:
                return done
        return await hand.act(intent)

    async def _report(self, intent: Intent, report: Report) -> None:
        envelope = Envelope(
            id=derived_id(intent.id, report.type_name, self._clock.now().isoformat()),
            message=report,
            source=f"tradewind/{self._service}/{intent.hand}",
            time=self._clock.now(),
            correlation="",
            cause=intent.id,
        )
        await self._bus.publish([encode(envelope)])
