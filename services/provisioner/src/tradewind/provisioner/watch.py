"""Says what drivers see by themselves: the ends of machines, as inputs of the provisioner's own reactor."""

import asyncio
import logging
from collections.abc import Iterable

from tradewind.common.contracts.envelope import Envelope, encode
from tradewind.common.reactor.decision import derived_id
from tradewind.common.reactor.ports import Unavailable
from tradewind.common.runtime.service import Outside
from tradewind.provisioner.contracts import InstanceGone
from tradewind.provisioner.infra.driver import Driver, End

log = logging.getLogger(__name__)

RETRY_S = 1.0


async def watch(outside: Outside, drivers: Iterable[Driver]) -> None:
    """Until cancelled. What is seen and not said before a crash is seen again by the next watch."""

    async def say(end: End) -> None:
        packet = encode(_gone(end))
        while True:
            try:
                await outside.bus.publish([packet])
            except Unavailable as fault:
                log.warning("the end of node %s cannot be told yet: %s", end.node, fault)
                await asyncio.sleep(RETRY_S)
            else:
                return

    async with asyncio.TaskGroup() as group:
        for driver in drivers:
            group.create_task(driver.watch(say), name=f"watch {driver.name}")


def _gone(end: End) -> Envelope:
    """The same message each time: a machine ends once."""
    told = derived_id("gone", end.node, end.instance)
    message = InstanceGone(intent=told, target=end.node, ended_at=end.at)
    return Envelope(
        id=told, message=message, source="tradewind/provisioner/watch", time=end.at, correlation=end.node
    )
