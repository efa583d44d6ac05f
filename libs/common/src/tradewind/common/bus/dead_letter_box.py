"""What a person sees of the dead letters, and how they are sent again."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from uuid import uuid4

import nats.js.errors
from nats.js.api import RawStreamMsg

from tradewind.common.bus.connection import Connection
from tradewind.common.bus.dead_letters import DeadLetter
from tradewind.common.bus.failures import unavailable
from tradewind.common.bus.publisher import Publisher
from tradewind.common.contracts.envelope import Packet

STREAM = "DEAD"


class NoSuchLetter(LookupError):
    """It was re-driven or dropped already, or never was."""


class DeadLetterBox:
    """The stream DEAD. Its user must be allowed to delete a message: the services' users are not."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._publisher = Publisher(connection)

    async def count(self) -> int:
        """Raises Unavailable."""
        with unavailable("the dead letters"):
            return (await self._connection.js.stream_info(STREAM)).state.messages

    async def newest(self, limit: int, *, service: str = "") -> list[DeadLetter]:
        """The last `limit` letters, newest first; of one service, or of all. Raises Unavailable."""
        found: list[DeadLetter] = []
        async with aclosing(self._backwards()) as letters:
            async for letter in letters:
                if len(found) == limit:
                    break
                if service in ("", letter.service):
                    found.append(letter)
        return found

    async def read(self, sequence: int) -> DeadLetter:
        """Raises NoSuchLetter, Unavailable."""
        with unavailable("the dead letters"):
            try:
                stored = await self._connection.js.get_msg(STREAM, sequence, direct=True)
            except nats.js.errors.NotFoundError:
                raise NoSuchLetter(
                    f"there is no dead letter {sequence}: it may have been re-driven"
                ) from None
        return _letter(stored)

    async def redrive(self, sequence: int) -> DeadLetter:
        """Send what was set aside again, then remove the letter.

        Dying in between leaves it, so that it may be sent twice; versions make that harmless.

        Raises:
            NoSuchLetter, Unavailable.
        """
        letter = await self.read(sequence)
        await self._publisher.publish([letter.redriven(f"redriven/{uuid4()}")])
        await self.drop(sequence)
        return letter

    async def drop(self, sequence: int) -> None:
        """Remove a letter for good. Raises NoSuchLetter, Unavailable."""
        with unavailable("the dead letters"):
            try:
                await self._connection.js.delete_msg(STREAM, sequence)
            except (nats.js.errors.NotFoundError, nats.js.errors.ServerError):
                raise NoSuchLetter(
                    f"there is no dead letter {sequence}: it may have been re-driven"
                ) from None

    async def close(self) -> None:
        await self._publisher.close()

    async def _backwards(self) -> AsyncGenerator[DeadLetter]:
        with unavailable("the dead letters"):
            state = (await self._connection.js.stream_info(STREAM)).state
        left = state.messages
        for sequence in range(state.last_seq, state.first_seq - 1, -1):
            if not left:
                return
            try:
                letter = await self.read(sequence)
            except NoSuchLetter:
                continue
            left -= 1
            yield letter


def _letter(stored: RawStreamMsg) -> DeadLetter:
    packet = Packet(str(stored.subject), stored.headers or {}, stored.data or b"")
    assert stored.seq is not None
    assert stored.time is not None
    return DeadLetter.read(packet, sequence=stored.seq, at=stored.time)
