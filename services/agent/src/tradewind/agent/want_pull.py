"""The node's wants, as they come: one pull request on its own consumer is open at all times.

A want is acked after it was taken, and taking writes it down; what was not acked comes again within seconds.
"""

import asyncio
import json
import logging
from collections.abc import Callable
from contextlib import suppress

from nats.aio.msg import Msg

from tradewind.agent.tasks import Failed
from tradewind.common.bus.connection import Connection
from tradewind.common.bus.node_users import consumer_name
from tradewind.common.contracts.envelope import Packet

log = logging.getLogger(__name__)

AT_MOST = 400
"""Wants in one pull: below the consumer's `max_ack_pending`."""
EXPIRES_S = 60.0
"""Well below the two minutes after which the server forgets whom to answer (see `node_users`)."""
HEARTBEAT_S = 4.0
SILENT_S = 2.5 * HEARTBEAT_S
"""No message and no heartbeat for so long: the request was lost."""
PAUSE_S = 0.2


class WantPull:
    def __init__(
        self, connection: Connection, *, node: str, take: Callable[[Packet], None], failed: Failed
    ) -> None:
        self._connection = connection
        self._consumer = consumer_name(node)
        self._take = take
        self._failed = failed
        self._inbox = connection.client.new_inbox()
        self._current = ""
        self._left = 0
        self._over = asyncio.Event()
        self._heard = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled."""
        unwatch = self._connection.watch(lambda _: self._end())
        subscription = await self._connection.client.subscribe(f"{self._inbox}.*", cb=self._on_message)
        try:
            for number in range(2**62):
                if self._connection.up:
                    await self._ask(number)
                    await self._until_over()
                else:
                    self._over.clear()
                    await self._over.wait()
        finally:
            unwatch()
            with suppress(Exception):  # the connection may be gone for good
                await subscription.unsubscribe()

    async def _ask(self, number: int) -> None:
        self._over.clear()
        self._left, self._current = AT_MOST, f"{self._inbox}.{number}"
        question = {
            "batch": AT_MOST,
            "expires": int(EXPIRES_S * 1e9),
            "idle_heartbeat": int(HEARTBEAT_S * 1e9),
        }
        await self._connection.client.publish(
            f"$JS.API.CONSUMER.MSG.NEXT.WANT.{self._consumer}",
            json.dumps(question).encode(),
            reply=self._current,
        )

    async def _until_over(self) -> None:
        while not self._over.is_set():
            self._heard.clear()
            try:
                async with asyncio.timeout(SILENT_S):
                    await self._heard.wait()
            except TimeoutError:
                log.warning("no word of the consumer %s; asking again", self._consumer)
                return

    async def _on_message(self, msg: Msg) -> None:
        self._heard.set()
        headers = msg.headers or {}
        status = headers.get("Status") if not msg.data else None
        if status is not None:
            if status != "100" and msg.subject == self._current:
                await self._on_end(status, headers.get("Description", ""))
            return
        self._left -= 1
        try:
            self._take(Packet(msg.subject, headers, msg.data))
        except Exception as error:  # noqa: BLE001 -- whatever it is, nats-py would only log it
            self._failed(error)
            return
        await msg.ack()
        if self._left <= 0:
            self._end()

    async def _on_end(self, status: str, description: str) -> None:
        if status != "408":  # the pull has run its time
            log.warning("the consumer %s: %s %s", self._consumer, status, description)
            await asyncio.sleep(PAUSE_S)
        self._end()

    def _end(self) -> None:
        """The open pull brings nothing more."""
        self._over.set()
        self._heard.set()
