"""Reads a stream from some point on, in order, and leaves nothing behind on the server.

A consumer of its own without acks, which the server forgets when nobody asks any more. It pulls, and only
when its own reader asks: a reader that is slow leaves messages in the stream, and not in our memory. Where
the line may have been broken (the server was lost, the consumer is gone, the numbering shows a gap) another
consumer goes on behind the last message that was read.
"""

import asyncio
import itertools
import json
import secrets
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

import nats.errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from tradewind.common.bus.connection import Connection
from tradewind.common.bus.failures import unavailable

PULLED = 64
PULLED_BYTES = 9 * 2**20
"""At once, at most. More than the largest message (8 MiB), which could not come otherwise."""
FORGOTTEN_AFTER_S = 60.0
GONE = ("Consumer Deleted", "Leadership Change", "Server Shutdown")
"""With these a pull ends because its consumer does."""
ANSWER_S = 2.0
"""The server ends a pull by itself; if it is this late, it has lost it."""


@dataclass(frozen=True, slots=True)
class Start:
    """From a sequence on, else from a time on, else only what is new, else everything."""

    sequence: int | None = None
    time: datetime | None = None
    new: bool = False

    def config(self) -> ConsumerConfig:
        if self.sequence is not None:
            return ConsumerConfig(
                deliver_policy=DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=max(self.sequence, 1)
            )
        if self.time is not None:
            return ConsumerConfig(deliver_policy=DeliverPolicy.BY_START_TIME, opt_start_time=self.time)
        return ConsumerConfig(deliver_policy=DeliverPolicy.NEW if self.new else DeliverPolicy.ALL)


@dataclass(frozen=True, slots=True)
class Stored:
    """A message as the stream holds it."""

    sequence: int
    subject: str
    headers: Mapping[str, str]
    body: bytes


class StreamReader:
    """Made by `reading`. One task reads."""

    def __init__(self, connection: Connection, *, stream: str, subjects: Sequence[str], start: Start) -> None:
        self._connection = connection
        self._stream = stream
        self._subjects = list(subjects)
        self._start = start
        self._inbox = connection.client.new_inbox()
        self._subscription: Subscription | None = None
        self._consumer = ""
        self._expected = 1
        """The consumer's number of the next message."""
        self._arrived: deque[Stored] = deque()
        self._pulls = itertools.count(1)
        self._pull = 0
        self._pull_left = 0
        """What the pull under way may still bring; 0: none is."""
        self._pull_waits = False
        self._unwatch: Callable[[], None] = lambda: None
        self._woken = asyncio.Event()

    async def open(self) -> None:
        with unavailable(self._stream):
            self._subscription = await self._connection.client.subscribe(
                f"{self._inbox}.*", cb=self._on_message
            )
        self._unwatch = self._connection.watch(self._on_change)

    async def close(self) -> None:
        """Waits for no answer: whoever closes may be a task that is being cancelled."""
        self._unwatch()
        if self._connection.up:
            with unavailable(self._stream):
                if self._subscription is not None:
                    await self._subscription.unsubscribe()
                if self._consumer:
                    forget = f"$JS.API.CONSUMER.DELETE.{self._stream}.{self._consumer}"
                    await self._connection.client.publish(forget, reply=f"{self._inbox}.0")

    async def read(self, *, wait_s: float) -> Sequence[Stored]:
        """What has come, at least one; empty if nothing came in `wait_s` seconds. With 0: if there is no more
        now.

        Raises:
            Unavailable: the server is away; reading may be tried again.
        """
        until = asyncio.get_running_loop().time() + wait_s + ANSWER_S
        with unavailable(self._stream):
            try:
                async with asyncio.timeout_at(until):
                    while not self._arrived and not await self._pull_ends(wait_s):
                        pass
            except TimeoutError:
                self._lose()
                raise
        arrived = list(self._arrived)
        self._arrived.clear()
        return arrived

    async def _pull_ends(self, wait_s: float) -> bool:
        """Wait for what a pull brings. False if it was lost on the way, and another must be made."""
        self._connection.require_up()
        if not self._consumer:
            await self._make_consumer()
        # One that waits for messages cannot tell that there are none.
        if not self._pull_left or (wait_s == 0 and self._pull_waits):
            await self._open_pull(wait_s)
        while not self._arrived and self._pull_left and self._consumer:
            self._woken.clear()
            await self._woken.wait()
        return bool(self._consumer)

    async def _make_consumer(self) -> None:
        # The name is ours, so that it can be deleted even if we never heard that it was made.
        self._consumer, self._expected, self._pull_left = f"reader-{secrets.token_hex(8)}", 1, 0
        config = self._start.config().evolve(
            name=self._consumer,
            filter_subjects=self._subjects,
            ack_policy=AckPolicy.NONE,
            inactive_threshold=FORGOTTEN_AFTER_S,
            mem_storage=True,
            num_replicas=1,
        )
        try:
            async with asyncio.timeout(ANSWER_S):
                made = await self._connection.js.add_consumer(self._stream, config)
        except (nats.errors.Error, TimeoutError):
            self._lose()
            raise
        if self._start.new and made.delivered is not None:
            # Should another consumer have to go on, it begins where this one did.
            self._start = Start(sequence=made.delivered.stream_seq + 1)

    async def _open_pull(self, wait_s: float) -> None:
        self._pull, self._pull_left, self._pull_waits = next(self._pulls), PULLED, wait_s > 0
        wanted: dict[str, object] = {"batch": PULLED, "max_bytes": PULLED_BYTES}
        wanted |= {"expires": int(wait_s * 1e9)} if wait_s else {"no_wait": True}
        await self._connection.client.publish(
            f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._consumer}",
            json.dumps(wanted).encode(),
            reply=f"{self._inbox}.{self._pull}",
        )

    async def _on_message(self, message: Msg) -> None:
        headers = message.headers or {}
        status = headers.get("Status")
        if status is None:
            self._on_stored(message)
        elif int(message.subject.rpartition(".")[2]) == self._pull:
            why = headers.get("Description", "")
            if status == "503" or any(said in why for said in GONE):
                self._lose()
            elif status != "100":
                self._pull_left = 0  # it brought what there was
        self._woken.set()

    def _on_stored(self, message: Msg) -> None:
        place = message.metadata.sequence
        if message.metadata.consumer != self._consumer:
            return  # of one that we gave up
        if place.consumer != self._expected:
            self._lose()
            return
        self._expected += 1
        self._pull_left = max(self._pull_left - 1, 0)
        self._start = Start(sequence=place.stream + 1)
        self._arrived.append(Stored(place.stream, message.subject, message.headers or {}, message.data))

    def _on_change(self, up: bool) -> None:
        if up:  # what was asked before is forgotten
            self._lose()
            self._woken.set()

    def _lose(self) -> None:
        """The next read makes another consumer, behind what was read."""
        self._consumer, self._pull_left = "", 0


@asynccontextmanager
async def reading(
    connection: Connection, *, stream: str, subjects: Sequence[str], start: Start
) -> AsyncGenerator[StreamReader]:
    """Raises Unavailable."""
    reader = StreamReader(connection, stream=stream, subjects=subjects, start=start)
    await reader.open()
    try:
        yield reader
    finally:
        await reader.close()
