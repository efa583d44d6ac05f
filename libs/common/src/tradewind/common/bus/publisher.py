"""Publishing many messages at the price of one round trip: send all, in order, then wait for all acks.

nats-py's `publish_async` would do, but in 2.16 an error answer (a full stream, say) raises inside its reply
handler and leaves the future waiting for ever; and a future a message costs more than the message.
"""

import asyncio
import itertools
import json
from collections.abc import Sequence

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from tradewind.common.bus.connection import Connection
from tradewind.common.bus.failures import unavailable
from tradewind.common.contracts.envelope import Packet
from tradewind.common.reactor.ports import Position, Unavailable

WINDOW = 500
"""Messages under way at most: a stream's own queue in the server is bounded, and drops what does not fit."""
TIMEOUT_S = 5.0


class _Window:
    """Some messages whose acks are awaited together."""

    def __init__(self, packets: Sequence[Packet]) -> None:
        self.packets = packets
        self.positions: list[Position | None] = [None] * len(packets)
        self.missing = len(packets)
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def fail(self, why: str) -> None:
        if not self.done.done():
            self.done.set_exception(Unavailable(why))

    def answer(self, index: int, answer: Msg) -> None:
        if self.positions[index] is not None or self.done.done():
            return
        subject = self.packets[index].subject
        if (answer.headers or {}).get("Status") == "503":
            self.fail(f"no stream takes {subject}")
            return
        told = json.loads(answer.data)
        if "error" in told:
            self.fail(f"{subject} was not stored: {told['error'].get('description')}")
            return
        self.positions[index] = Position(told["stream"], told["seq"])
        self.missing -= 1
        if not self.missing:
            self.done.set_result(None)


class Publisher:
    """Publishes in order. Acks come to one inbox; `<window>.<index>` of the subject says what each is for."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._inbox = connection.client.new_inbox()
        self._answers: Subscription | None = None
        self._windows: dict[str, _Window] = {}
        self._ordinal = itertools.count()
        self._unwatch = connection.watch(self._on_change)

    async def publish(self, packets: Sequence[Packet]) -> list[Position]:
        """Where each of them lies now (for a duplicate: where the first lies).

        Raises:
            Unavailable: at least one was not stored, or nobody knows. Others may have been.
        """
        positions: list[Position] = []
        for start in range(0, len(packets), WINDOW):
            positions += await self._publish_window(packets[start : start + WINDOW])
        return positions

    async def close(self) -> None:
        self._unwatch()
        for window in self._windows.values():
            window.fail("the connection is closed")
        if self._answers is not None and not self._connection.closed:
            with unavailable("closing"):
                await self._answers.unsubscribe()

    async def _publish_window(self, packets: Sequence[Packet]) -> list[Position]:
        client = self._connection.client
        self._connection.require_up()
        with unavailable("publishing"):
            if self._answers is None:
                self._answers = await client.subscribe(f"{self._inbox}.*.*", cb=self._on_answer)
            key, window = str(next(self._ordinal)), _Window(packets)
            self._windows[key] = window
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    for index, packet in enumerate(packets):
                        self._refuse_too_large(packet)
                        await client.publish(
                            packet.subject,
                            packet.body,
                            reply=f"{self._inbox}.{key}.{index}",
                            headers=dict(packet.headers),
                        )
                    await window.done
            finally:
                del self._windows[key]
                window.done.cancel()
        return [position for position in window.positions if position is not None]

    def _refuse_too_large(self, packet: Packet) -> None:
        # The server would close the connection over it, and everything else on it would suffer.
        # No character of a header takes more than four bytes.
        size = 12 + sum(4 * (len(name) + len(value) + 1) for name, value in packet.headers.items())
        if size + len(packet.body) > self._connection.client.max_payload:
            raise Unavailable(f"a message on {packet.subject} is larger than the server takes")

    async def _on_answer(self, answer: Msg) -> None:
        _, key, index = answer.subject.rsplit(".", 2)
        window = self._windows.get(key)
        if window is not None:
            window.answer(int(index), answer)

    def _on_change(self, up: bool) -> None:
        if not up:
            for window in self._windows.values():
                window.fail(f"NATS at {self._connection.server} was lost before it had answered")
