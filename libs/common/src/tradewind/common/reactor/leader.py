"""The async shell around `fold_batch`: leads one shard of a service until it is cancelled.

The steps of one batch, in this order and no other (what a crash between any two of them leaves is said
beside it):

    take      inputs from the streams, alarms that are due        nothing acked: all of it comes again
    load      rows that are not in memory                         same
    fold      pure                                                same
    commit    rows, outbox, intents; the lease asserted           same; the batch is in, or is not
    publish   the outbox, in order                                the next leader publishes what was not noted
    ack       the inputs                                          they come again, and change nothing
"""

import asyncio
import heapq
import itertools
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from tradewind.common.bus.dead_letters import dead_letter
from tradewind.common.contracts.envelope import Envelope, Packet, Undecodable, decode, encode
from tradewind.common.reactor.aggregate import Aggregate, Ref
from tradewind.common.reactor.decision import Intent
from tradewind.common.reactor.fold import Outcome, Refusal, fold_batch
from tradewind.common.reactor.inbox import Inbox
from tradewind.common.reactor.journal import Recorder
from tradewind.common.reactor.ports import (
    Batch,
    Bus,
    Clock,
    Delivery,
    Lease,
    LeaseHeld,
    LeaseLost,
    Position,
    Store,
    StoreConflict,
    StoreRefused,
    Unavailable,
)
from tradewind.common.reactor.relay import to_say_again
from tradewind.common.reactor.wiring import Alarm, Planner, Wiring

log = logging.getLogger(__name__)

BATCH = 200
"""Inputs a transaction. (Probe on two cores: 1 → 457/s, 200 → 6,442/s.)"""
LEASE_TTL_S = 15.0
HAND_OVER_S = 1.0
RETRY_S = (0.05, 0.2, 1.0, 2.0)
NOTE_SENT_AFTER_S = 1.0
OUTBOX_KEPT = timedelta(minutes=10)
PRUNE_EVERY = timedelta(minutes=1)


class Spans(Protocol):
    """Opens a span for an input; its traceparent goes out with what the input leads to."""

    def open(self, envelope: Envelope) -> "Span": ...


class Span(Protocol):
    traceparent: str

    def end(self) -> None: ...


async def _nothing() -> None:
    """There are no hands to let go of."""


class Work(NamedTuple):
    """An input with where it came from (None: an alarm)."""

    envelope: Envelope
    delivery: Delivery | None


class Leader:
    """One service's leader loop. `run` never returns: it leads, or waits for its turn."""

    def __init__(
        self,
        wiring: Wiring,
        *,
        store: Store,
        bus: Bus,
        clock: Clock,
        holder: str,
        on_intents: Callable[[Sequence[Intent]], None] = lambda intents: None,
        on_deposed: Callable[[], Awaitable[None]] = _nothing,
        spans: Spans | None = None,
        journal: Recorder | None = None,
        lease_ttl_s: float = LEASE_TTL_S,
    ) -> None:
        """A lease that nobody else wants may be a long one: then an idle leader sleeps."""
        self._lease_ttl_s = lease_ttl_s
        self._wiring = wiring
        self._store = store
        self._bus = bus
        self._clock = clock
        self._holder = holder
        self._on_intents = on_intents
        self._on_deposed = on_deposed
        self._spans = spans
        self._journal = journal or Recorder()
        self._rows: dict[Ref, Aggregate] = {}
        self._planner: Planner | None = None
        self._alarms: list[tuple[datetime, int, Ref]] = []
        self._ordinal = itertools.count()
        self._sent: list[tuple[int, Position]] = []
        self._lease: Lease | None = None
        self._losses = 0
        self._prune_at = clock.now()

    @property
    def leading(self) -> bool:
        return self._lease is not None

    async def run(self) -> None:
        delays = iter(RETRY_S)
        while True:
            try:
                await self._lead()
            except LeaseHeld:
                delays = iter(RETRY_S)
                await asyncio.sleep(self._lease_ttl_s / 3)
            except (Unavailable, LeaseLost, StoreConflict) as fault:
                # The memory of the rows may be wrong now: lead anew, from the store.
                if self._lease is not None:
                    delays = iter(RETRY_S)
                log.warning("%s starts over: %s: %s", self._wiring.service, type(fault).__name__, fault)
                await asyncio.sleep(next(delays, RETRY_S[-1]))
            finally:
                self._lease = None

    async def _lead(self) -> None:
        lease = await self._store.acquire(holder=self._holder, ttl_s=self._lease_ttl_s)
        inbox = Inbox()
        try:
            await self._remember(lease)
            await self._relay_again()
            await self._seed(lease)
            self._on_intents([one.intent for one in await self._store.open_intents()])
            for stream, filters in self._wiring.subjects().items():
                await inbox.open(self._bus, stream=stream, durable=self._wiring.service, filters=filters)
            self._lease = lease
            log.info("%s leads, epoch %d, %d living rows", self._wiring.service, lease.epoch, len(self._rows))
            while True:
                await self._step(lease, inbox)
        except asyncio.CancelledError:
            await self._hand_over(lease)
            raise
        finally:
            # Another leader may be at work already: what was begun here is its to go on with.
            await self._on_deposed()
            await inbox.close()

    async def _hand_over(self, lease: Lease) -> None:
        """Asked to end: let the next leader in at once, if that can be said."""
        with suppress(Unavailable, LeaseLost, TimeoutError):
            async with asyncio.timeout(HAND_OVER_S):
                await self._store.release(lease)

    async def _remember(self, lease: Lease) -> None:
        self._rows = {row.ref: row for row in await self._store.living()}
        self._journal.leads(lease, self._rows.values())
        self._planner = self._wiring.planner(self._rows.values()) if self._wiring.planner else None
        self._alarms = []
        self._sent = []
        for row in self._rows.values():
            self._set_alarm(row)

    async def _relay_again(self) -> None:
        """Publish what may not have arrived (see `relay`)."""
        self._losses = self._bus.losses()
        self._sent = []  # not noted, so all of it is published again
        again = await to_say_again(self._store, self._bus)
        if again:
            log.warning("%s publishes %d messages again", self._wiring.service, len(again))
        await self._publish([row.id for row in again], [row.packet for row in again])

    async def _seed(self, lease: Lease) -> None:
        """Rows that exist from the start on; woken now, since what they watch may have changed while nobody
        led.
        """
        now = self._clock.now()
        seeds = list(self._wiring.seeds())
        known = {row.ref for row in await self._store.load([seed.ref for seed in seeds])}
        created = [seed for seed in seeds if seed.ref not in known]
        if created:
            await self._store.commit(lease, Batch(created=created), ttl_s=self._lease_ttl_s)
            for row in created:
                self._keep(row)
        for seed in seeds:
            row = self._rows.get(seed.ref)
            if row is not None:
                awake = row.but(wake_at=now)
                self._keep(awake)
                self._journal.knows((awake,))

    async def _step(self, lease: Lease, inbox: Inbox) -> None:
        if self._bus.losses() != self._losses:
            await self._relay_again()
        now = self._clock.now()
        due = self._due(now)
        wait_s = 0.0 if due else self._until_next(now)
        deliveries = await inbox.take(BATCH - len(due), timeout_s=wait_s)
        if not deliveries and not due:
            due = self._due(self._clock.now())
        if deliveries or due:
            await self._process(lease, inbox, deliveries=deliveries, due=due)
        else:
            await self._idle(lease)

    def _until_next(self, now: datetime) -> float:
        wait_s = NOTE_SENT_AFTER_S if self._sent else self._lease_ttl_s / 3
        if self._alarms:
            wait_s = min(wait_s, (self._alarms[0][0] - now).total_seconds())
        return max(wait_s, 0.0)

    async def _idle(self, lease: Lease) -> None:
        if self._sent:
            await self._store.commit(lease, Batch(sent=self._sent), ttl_s=self._lease_ttl_s)
            self._sent = []
        else:
            await self._store.renew(lease, ttl_s=self._lease_ttl_s)
            now = self._clock.now()
            if now >= self._prune_at:
                await self._store.prune(sent_before=now - OUTBOX_KEPT)
                self._prune_at = now + PRUNE_EVERY

    async def _process(
        self, lease: Lease, inbox: Inbox, *, deliveries: Sequence[Delivery], due: Sequence[Envelope]
    ) -> None:
        letters: list[Packet] = []
        work = [Work(alarm, None) for alarm in due]
        for delivery in deliveries:
            try:
                work.append(Work(decode(delivery.packet), delivery))
            except Undecodable as reason:
                letters.append(dead_letter(delivery.packet, service=self._wiring.service, why=str(reason)))
        spans = [self._spans.open(one.envelope) for one in work] if self._spans else []
        if spans:
            work = [
                one._replace(envelope=_within(one.envelope, span))
                for one, span in zip(work, spans, strict=True)
            ]
        finished = await self._load([one.envelope for one in work])
        await self._settle(lease, work, letters)
        for ref in finished:
            self._rows.pop(ref, None)
        await inbox.ack(deliveries)
        for span in spans:
            span.end()

    async def _settle(self, lease: Lease, work: Sequence[Work], letters: Sequence[Packet]) -> None:
        """Fold, commit, publish. A batch that the store's rules forbid is halved until the one input is
        found.
        """
        inputs, now = [one.envelope for one in work], self._clock.now()
        outcome = fold_batch(self._wiring, self._rows, inputs, now=now, planner=self._planner)
        self._journal.folds(inputs, outcome, now=now)
        origins = {one.envelope.id: one.delivery for one in work}
        refused = [self._letter(refusal, origins.get(refusal.envelope.id)) for refusal in outcome.refusals]
        batch = self._batch(outcome, [*letters, *refused])
        try:
            await self._commit(lease, batch, outcome)
        except StoreRefused as why:
            self._journal.withdraws(str(why))
            # The planner has seen rows that were never saved.
            self._planner = self._wiring.planner(self._rows.values()) if self._wiring.planner else None
            if len(work) > 1:
                half = len(work) // 2
                await self._settle(lease, work[:half], letters)
                await self._settle(lease, work[half:], ())
            else:
                await self._set_aside(lease, work, letters, why=str(why))

    async def _set_aside(
        self, lease: Lease, work: Sequence[Work], letters: Sequence[Packet], *, why: str
    ) -> None:
        """One input that cannot be stored: dead-letter it, and park the rows that it concerns."""
        outcome = Outcome()
        for envelope, delivery in work:
            for ref in self._wiring.refs(envelope.message):
                row = self._rows.get(ref)
                if row is not None:
                    outcome.rows[ref] = row.evolve(parked=why)
            letters = [*letters, self._letter(Refusal(envelope, None, why), delivery)]
        await self._commit(lease, self._batch(outcome, letters), outcome)
        self._journal.knows(outcome.rows.values())

    def _letter(self, refusal: Refusal, delivery: Delivery | None) -> Packet:
        log.error(
            "%s sets aside %s: %s", self._wiring.service, refusal.envelope.message.type_name, refusal.why
        )
        packet = delivery.packet if delivery is not None else encode(refusal.envelope)
        return dead_letter(packet, service=self._wiring.service, why=refusal.why, ref=refusal.ref)

    def _batch(self, outcome: Outcome, letters: Sequence[Packet]) -> Batch:
        batch = Batch(
            outbox=[*(encode(envelope) for envelope in outcome.outbox), *letters],
            intents=outcome.intents,
            closed_intents=outcome.closed_intents,
        )
        for ref, row in outcome.rows.items():
            known = self._rows.get(ref)
            if known is None:
                batch.created.append(row)
            else:
                batch.updated.append((row, known.version))
        return batch

    async def _commit(self, lease: Lease, batch: Batch, outcome: Outcome) -> None:
        if batch:
            batch.sent = self._sent
            ids = await self._store.commit(lease, batch, ttl_s=self._lease_ttl_s)
            self._sent = []
            for row in outcome.rows.values():
                self._keep(row)
            self._on_intents(outcome.intents)
            await self._publish(ids, batch.outbox)

    async def _publish(self, ids: Sequence[int], packets: Sequence[Packet]) -> None:
        if packets:
            positions = await self._bus.publish(packets)
            self._sent.extend(zip(ids, positions, strict=True))

    async def _load(self, inputs: Iterable[Envelope]) -> list[Ref]:
        """Bring in the rows that are not in memory; returns those of them that are finished, and shall not
        stay.
        """
        # One by one: the difference of two sets would walk over every row that lives.
        named = (ref for one in inputs for ref in self._wiring.refs(one.message))
        missing = {ref for ref in named if ref not in self._rows}
        if missing:
            loaded = await self._store.load(sorted(missing))
            self._rows.update((row.ref, row) for row in loaded)
            self._journal.knows(loaded)
        return [ref for ref in missing if ref in self._rows and self._rows[ref].terminal]

    def _keep(self, row: Aggregate) -> None:
        """Living rows stay in memory: this leader is their only writer. Finished ones are loaded when asked
        for.
        """
        if row.terminal:
            self._rows.pop(row.ref, None)
        else:
            self._rows[row.ref] = row
            self._set_alarm(row)

    def _set_alarm(self, row: Aggregate) -> None:
        if row.wake_at is not None and not row.parked:
            heapq.heappush(self._alarms, (row.wake_at, next(self._ordinal), row.ref))

    def _due(self, now: datetime) -> list[Envelope]:
        """The alarms that are due. An entry of the heap that its row has moved past is dropped here."""
        due: dict[Ref, Envelope] = {}
        while self._alarms and self._alarms[0][0] <= now and len(due) < BATCH:
            _, _, ref = heapq.heappop(self._alarms)
            row = self._rows.get(ref)
            if row is not None and row.wake_at is not None and row.wake_at <= now and ref not in due:
                due[ref] = _alarm(self._wiring.service, row, now)
        return list(due.values())


def _alarm(service: str, row: Aggregate, now: datetime) -> Envelope:
    return Envelope(
        id=f"alarm/{service}/{row.kind}/{row.id}/{row.version}",
        message=Alarm(kind=row.kind, id=row.id),
        source=f"tradewind/{service}",
        time=now,
        correlation=row.correlation,
        link=row.trace,
    )


def _within(envelope: Envelope, span: Span) -> Envelope:
    return envelope._replace(traceparent=span.traceparent)
