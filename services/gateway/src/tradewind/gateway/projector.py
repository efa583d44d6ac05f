"""Keeps the read model: a batch of events, one transaction, then the ack.

One gateway at a time reads the durable consumer, by the lease that every service has: two readers would take
each other's deliveries. The lease is not asserted in the transaction, since a reader that lost it writes
nothing wrong (see `projection_store`); it only decides who reads.

A crash before the commit leaves the batch to come again; after it, too, and then it changes nothing.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple

from tradewind.common.bus.dead_letters import dead_letter
from tradewind.common.contracts.envelope import Packet, Undecodable, decode
from tradewind.common.reactor.ports import (
    Bus,
    Clock,
    Delivery,
    Intake,
    LeaseHeld,
    LeaseLost,
    Store,
    StoreRefused,
    Unavailable,
)
from tradewind.gateway.domain.cloud_events import workspace_of
from tradewind.gateway.domain.projection import Heard, project
from tradewind.gateway.projection_store import ProjectionStore
from tradewind.gateway.wiring import HEARS

log = logging.getLogger(__name__)

BATCH = 250
LEASE_TTL_S = 15.0
RENEW_S = LEASE_TTL_S / 3
RETRY_S = (0.05, 0.2, 1.0, 2.0)
PRUNE_EVERY = timedelta(hours=1)


class Work(NamedTuple):
    delivery: Delivery
    heard: Heard


class Projector:
    """Reads events into `rows`, while it has the lease of `leases`."""

    def __init__(
        self, rows: ProjectionStore, leases: Store, bus: Bus, *, clock: Clock, service: str, holder: str
    ) -> None:
        self._rows = rows
        self._leases = leases
        self._bus = bus
        self._clock = clock
        self._service = service
        self._holder = holder
        self._reading = False
        self._standing_by = False
        self._behind_since: datetime | None = None
        self._prune_at = clock.now()

    @property
    def well(self) -> bool:
        """It keeps the read model, or stands by while another gateway does."""
        return self._reading or self._standing_by

    def complete_until(self) -> datetime:
        """Up to when the read model holds everything, as far as this process knows."""
        return self._behind_since or self._clock.now()

    async def run(self) -> None:
        """Until cancelled; waits out what is away."""
        delays = iter(RETRY_S)
        while True:
            try:
                await self._read()
            except LeaseHeld:
                delays = iter(RETRY_S)
                self._standing_by = True
                await asyncio.sleep(RENEW_S)
            except (Unavailable, LeaseLost) as fault:
                self._standing_by = False
                if self._reading:
                    delays = iter(RETRY_S)
                    self._behind_since = self._behind_since or self._clock.now()
                log.warning("the read model starts over: %s: %s", type(fault).__name__, fault)
                await asyncio.sleep(next(delays, RETRY_S[-1]))
            finally:
                self._reading = False

    async def _read(self) -> None:
        lease = await self._leases.acquire(holder=self._holder, ttl_s=LEASE_TTL_S)
        try:
            intake = await self._bus.intake(stream="EVENTS", durable=self._service, filters=HEARS["EVENTS"])
            try:
                self._reading = True
                log.info("%s keeps the read model, epoch %d", self._service, lease.epoch)
                while True:
                    await self._leases.renew(lease, ttl_s=LEASE_TTL_S)
                    await self._read_for(intake, RENEW_S)
                    await self._prune()
            finally:
                await intake.close()
        finally:
            with suppress(Unavailable):
                await self._leases.release(lease)

    async def _read_for(self, intake: Intake, seconds: float) -> None:
        until = asyncio.get_running_loop().time() + seconds
        while (left := until - asyncio.get_running_loop().time()) > 0:
            try:
                async with asyncio.timeout(left):
                    deliveries = await intake.fetch(BATCH)
            except TimeoutError:
                self._behind_since = None  # nothing came, so there is nothing
                return
            await self._take(deliveries)
            await intake.ack(deliveries)
            full = len(deliveries) == BATCH
            self._behind_since = self._behind_since or self._clock.now() if full else None

    async def _take(self, deliveries: Sequence[Delivery]) -> None:
        letters: list[Packet] = []
        work: list[Work] = []
        for delivery in deliveries:
            try:
                work.append(Work(delivery, _heard(delivery)))
            except Undecodable as why:
                letters.append(self._letter(delivery, str(why)))
        letters += await self._apply(work)
        if letters:
            await self._bus.publish(letters)

    async def _apply(self, work: Sequence[Work]) -> list[Packet]:
        """The letters of what the store cannot hold: a batch that it refuses is halved until the one is
        found.
        """
        try:
            await self._rows.apply(project([one.heard for one in work], now=self._clock.now()))
        except StoreRefused as why:
            if len(work) == 1:
                return [self._letter(work[0].delivery, str(why))]
            half = len(work) // 2
            return [*await self._apply(work[:half]), *await self._apply(work[half:])]
        return []

    def _letter(self, delivery: Delivery, why: str) -> Packet:
        log.error("the read model sets aside %s: %s", delivery.packet.headers.get("ce-type"), why)
        return dead_letter(delivery.packet, service=self._service, why=why)

    async def _prune(self) -> None:
        if self._clock.now() >= self._prune_at:
            await self._rows.prune(self._clock.now())
            self._prune_at = self._clock.now() + PRUNE_EVERY


def _heard(delivery: Delivery) -> Heard:
    """Raises Undecodable."""
    packet = delivery.packet
    return Heard(decode(packet), delivery.position.sequence, workspace_of(packet.subject), packet.body)
