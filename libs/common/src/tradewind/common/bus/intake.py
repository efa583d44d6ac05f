"""One durable consumer's messages, in stream order, across takeovers and reconnects.

Whenever the line may be broken (we have just bound, the server was lost, or the numbering of deliveries shows
that somebody else was given one of them) the consumer is reset (CONSUMER.RESET, ADR-60 of
nats-architecture-and-design): the server forgets what it has given to whom, and gives everything that is not
acked again, in stream order, at once. What of it is still in our hand is recognised and dropped. So a killed
leader's successor sees one order too, and waits for nothing.

One pull is open all the time, so that a message arrives without being asked for.
"""

import asyncio
import json
import logging
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

import nats.errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from tradewind.common.bus.connection import Connection
from tradewind.common.bus.failures import unavailable
from tradewind.common.contracts.envelope import Packet
from tradewind.common.reactor.ports import Delivery, Position, Unavailable

log = logging.getLogger(__name__)

PULL_EXPIRES_S = 30.0
PAUSE_S = 0.2
CLOSE_S = 0.5
ACKED_REMEMBERED = 4_000
"""Of what was acked last: if its ack was lost, or crossed its redelivery, it is acked again, not taken."""


class NatsIntake:
    """Binds to a consumer that the topology made. One task may fetch; a cancelled fetch loses nothing."""

    def __init__(self, connection: Connection, *, stream: str, durable: str) -> None:
        self._connection = connection
        self._stream = stream
        self._durable = durable
        self._name = f"{durable}'s intake of {stream}"
        self._inbox = ""
        self._subscription: Subscription | None = None
        self._unwatch = connection.watch(self._on_change)
        self._woken = asyncio.Event()
        self._arrived: deque[Delivery] = deque()
        self._in_hand: dict[str, str] = {}
        """By token, what arrived and is not acked: the reply subject of its newest delivery."""
        self._acked: dict[str, None] = {}
        self._last_ack = ""
        self._in_line = False
        self._superseded = False
        self._changes = 0
        """How often the server was lost or found."""
        self._expected = 1
        """The consumer's own number of the next delivery; after a reset it begins at 1."""
        self._pull = 0
        self._pull_left = 0
        self._pull_until = 0.0
        self._refused = ""

    async def open(self) -> None:
        """Raises Unavailable."""
        with unavailable(self._name):
            await self._fall_in_line()

    async def fetch(self, limit: int) -> Sequence[Delivery]:
        """What is there, at most `limit`; waits until there is something, through a loss of the server too.

        Raises:
            Unavailable: the connection is closed for good, or the consumer is not there.
        """
        with unavailable(self._name):
            while True:
                self._woken.clear()
                if self._connection.closed:
                    raise Unavailable(f"{self._name}: the connection is closed")
                if self._superseded:
                    raise Unavailable(f"{self._name}: somebody else took the consumer over")
                if self._connection.up:
                    await self._keep_pulling(limit)
                if not self._arrived or not self._in_line:
                    await self._wait()
                    continue
                await self._let_more_arrive(limit)
                if self._in_line:
                    return [self._arrived.popleft() for _ in range(min(limit, len(self._arrived)))]

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Tells the server that they are done. A lost ack is made up for when its message comes again."""
        for delivery in deliveries:
            reply = self._in_hand.pop(delivery.token, None)
            self._remember_acked(delivery.token)
            if reply is not None and self._connection.up:
                await self._connection.client.publish(reply)
                self._last_ack = reply

    async def close(self) -> None:
        """Lets go. What is not acked goes to the next one who binds, at once."""
        self._unwatch()
        if self._subscription is not None and self._connection.up:
            await self._subscription.unsubscribe()
            if self._last_ack:
                # The server takes acks in their order, and answers one that asks: then it has taken them all.
                with suppress(nats.errors.Error):
                    await self._connection.client.request(self._last_ack, timeout=CLOSE_S)

    async def _keep_pulling(self, limit: int) -> None:
        if self._refused:
            log.warning("%s: %s", self._name, self._refused)
            self._refused = ""
            await asyncio.sleep(PAUSE_S)
        if not self._in_line:
            await self._fall_in_line()
        now = asyncio.get_running_loop().time()
        if len(self._arrived) < limit and (self._pull_left <= 0 or now >= self._pull_until):
            self._pull += 1
            self._pull_left = limit
            self._pull_until = now + PULL_EXPIRES_S + 1
            await self._connection.client.publish(
                f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._durable}",
                json.dumps({"batch": limit, "expires": int(PULL_EXPIRES_S * 1e9)}).encode(),
                reply=f"{self._inbox}.{self._pull}",
            )

    async def _fall_in_line(self) -> None:
        """Have everything given again that is not acked: also what arrived and was not handed out."""
        change = self._changes
        if (broken := self._subscription) is not None:
            self._subscription = None
            await broken.unsubscribe()  # what is under way to it, and its pull, go nowhere
        while self._arrived:
            del self._in_hand[self._arrived.popleft().token]
        self._expected, self._pull_left = 1, 0
        js, client = self._connection.js, self._connection.client
        try:
            # A reset of a consumer that is not there has no answer at all.
            await js.consumer_info(self._stream, self._durable)
            await js.reset_consumer(self._stream, self._durable)
        except nats.errors.TimeoutError:
            if change == self._changes:
                raise
            return  # the server was lost meanwhile: ask again
        self._inbox = client.new_inbox()
        self._subscription = await client.subscribe(f"{self._inbox}.*", cb=self._on_message)
        self._in_line = change == self._changes

    async def _wait(self) -> None:
        until = self._pull_until if self._connection.up and self._pull_left > 0 else None
        if self._connection.up and not self._in_line:
            return
        try:
            async with asyncio.timeout_at(until):
                await self._woken.wait()
        except TimeoutError:
            self._pull_left = 0  # the server should have said that the pull is over

    async def _let_more_arrive(self, limit: int) -> None:
        """What is on its way already comes along: a batch costs as much as one message."""
        seen = 0
        while seen < len(self._arrived) < limit:
            seen = len(self._arrived)
            await asyncio.sleep(0)

    async def _on_message(self, msg: Msg) -> None:
        if not msg.reply:
            return self._on_status(msg)
        self._pull_left -= 1
        self._woken.set()  # by one that is dropped too: it may have been the last of the pull
        metadata = msg.metadata
        number = metadata.sequence.consumer
        if number != self._expected:
            if self._in_line:
                # One is missing, and this one comes again once we fall in line; or somebody else began anew.
                self._superseded = number < self._expected
                self._in_line = False
            return None
        self._expected += 1
        # The sequence alone would not do: a stream that lost its end gives the same numbers again.
        token = f"{metadata.sequence.stream}@{metadata.timestamp.isoformat()}"
        if token in self._in_hand:
            self._in_hand[token] = msg.reply
        elif token in self._acked:
            await self._connection.client.publish(msg.reply)
        else:
            self._in_hand[token] = msg.reply
            packet = Packet(msg.subject, msg.headers or {}, msg.data)
            self._arrived.append(Delivery(packet, Position(self._stream, metadata.sequence.stream), token))
        return None

    def _on_status(self, msg: Msg) -> None:
        """The server ends a pull: it expired (408), or cannot be served (409, 503)."""
        if msg.subject != f"{self._inbox}.{self._pull}":
            return
        status = (msg.headers or {}).get("Status", "")
        if status not in ("404", "408"):
            self._refused = f"{status} {(msg.headers or {}).get('Description', 'nobody answers there')}"
            self._in_line = False
        self._pull_left = 0
        self._woken.set()

    def _on_change(self, up: bool) -> None:
        """What the server gave while we could not hear is lost, and so is the pull."""
        self._changes += 1
        self._in_line = False
        self._woken.set()

    def _remember_acked(self, token: str) -> None:
        self._acked[token] = None
        if len(self._acked) > ACKED_REMEMBERED:
            del self._acked[next(iter(self._acked))]
