"""Brings submissions to their owner: at once when they are made, and again while their owner has not spoken
of them.
"""

import asyncio
import logging
from collections.abc import Sequence

from tradewind.common.contracts.envelope import Envelope, encode
from tradewind.common.reactor.ports import Bus, Clock, Unavailable
from tradewind.gateway.domain.job_views import Kind
from tradewind.gateway.domain.submission import Submission, cancel_envelope, restate_envelope, submit_envelope
from tradewind.gateway.submission_store import Accepted, SubmissionStore, Unconfirmed

log = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0
AT_ONCE = 200
ASK_AFTER_TRIES = 3


class Submitting:
    """`submit` and `cancel` return once the command lies in its stream.

    Raises:
        Unavailable: the store or the bus is away. What was stored by then is published later, by `run`.
    """

    def __init__(self, store: SubmissionStore, bus: Bus, clock: Clock) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock

    async def submit(self, submission: Submission, *, key: str, digest: bytes) -> Accepted:
        """Store it, publish it. The same key and digest again give the same answer, once it is in the stream.

        Raises:
            KeyReused: the key was used for another request.
        """
        accepted = await self._store.accept(submission, key=key, digest=digest)
        await self._publish(_submit(accepted))
        return accepted

    async def cancel(self, kind: Kind, id: str, *, workspace: str, reason: str, traceparent: str) -> None:
        """Ask for the end of a job or an array, at whatever stage it is."""
        wish = cancel_envelope(
            kind, id, workspace=workspace, reason=reason, traceparent=traceparent, time=self._clock.now()
        )
        # Were the submission lost and published again after this, the job would run: both go, in this order.
        unconfirmed = await self._store.cancel(id, reason)
        await self._publish([*(_submit(unconfirmed) if unconfirmed else ()), wish])

    async def run(self) -> None:
        """Publishes again what was not confirmed in time, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                await self.publish_due()
            except Unavailable as fault:
                log.warning("submissions wait to be published again: %s", fault)

    async def publish_due(self) -> None:
        """Publish again, once, what should have been confirmed by now."""
        due = await self._store.due(self._clock.now(), limit=AT_ONCE)
        if due:
            log.warning("%d submissions were not confirmed in time: publishing them again", len(due))
        await self._publish([envelope for one in due for envelope in self._again(one)])

    def _again(self, one: Unconfirmed) -> list[Envelope]:
        accepted, now = one.accepted, self._clock.now()
        envelopes = _submit(accepted)
        if one.cancelled is not None:
            envelopes.append(
                cancel_envelope(
                    accepted.kind,
                    accepted.id,
                    workspace=one.workspace,
                    reason=one.cancelled,
                    traceparent=accepted.traceparent,
                    time=now,
                )
            )
        if accepted.kind is Kind.JOB and one.tries >= ASK_AFTER_TRIES:
            # Its owner may have it for long, and only its events were lost.
            envelopes.append(
                restate_envelope(
                    accepted.id, workspace=one.workspace, traceparent=accepted.traceparent, time=now
                )
            )
        return envelopes

    async def _publish(self, envelopes: Sequence[Envelope]) -> None:
        if envelopes:
            await self._bus.publish([encode(envelope) for envelope in envelopes])


def _submit(accepted: Accepted) -> list[Envelope]:
    """The command, unless its owner has confirmed it."""
    if accepted.command is None:
        return []
    return [submit_envelope(accepted.command, traceparent=accepted.traceparent, time=accepted.at)]
