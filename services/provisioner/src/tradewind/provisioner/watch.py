"""Says what drivers see by themselves as inputs of the provisioner's own reactor: the ends of machines, and
that some will be taken away.
"""

import asyncio
import logging
from collections.abc import Iterable
from datetime import datetime

from tradewind.common.contracts.envelope import Envelope, encode
from tradewind.common.reactor.decision import derived_id
from tradewind.common.reactor.ports import Bus, Clock, Unavailable
from tradewind.provisioner.contracts import InstanceGone, ReclaimNoticed
from tradewind.provisioner.infra.driver import Driver, End, ReclaimNotice

log = logging.getLogger(__name__)

RETRY_S = 1.0


async def watch(bus: Bus, drivers: Iterable[Driver], clock: Clock) -> None:
    """Until cancelled. What is seen and not said before a crash is seen again by the next watch."""

    async def say(seen: End | ReclaimNotice) -> None:
        packet = encode(_report(seen, clock.now()))
        while True:
            try:
                await bus.publish([packet])
            except Unavailable as fault:
                log.warning("what befalls node %s cannot be told yet: %s", seen.node, fault)
                await asyncio.sleep(RETRY_S)
            else:
                return

    async with asyncio.TaskGroup() as group:
        for driver in drivers:
            group.create_task(driver.watch(say), name=f"watch {driver.name}")


def _report(seen: End | ReclaimNotice, now: datetime) -> Envelope:
    """The same message each time: a machine ends once, and is taken away at one time."""
    match seen:
        case End():
            told = derived_id("gone", seen.node, seen.instance)
            message = InstanceGone(intent=told, target=seen.node, ended_at=seen.at)
        case ReclaimNotice():
            told = derived_id("reclaim", seen.node, seen.instance, seen.at)
            message = ReclaimNoticed(intent=told, target=seen.node, reclaim_at=seen.at)
    return Envelope(
        id=told, message=message, source="tradewind/provisioner/watch", time=now, correlation=seen.node
    )
