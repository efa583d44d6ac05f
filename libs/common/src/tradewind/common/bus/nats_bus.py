"""The reactor's bus over JetStream."""

from collections.abc import Sequence

from nats.js.errors import NotFoundError

from tradewind.common.bus.connection import Connection
from tradewind.common.bus.dead_letters import MESSAGE_ID
from tradewind.common.bus.failures import unavailable
from tradewind.common.bus.intake import NatsIntake
from tradewind.common.bus.publisher import Publisher
from tradewind.common.bus.streams import Durable
from tradewind.common.bus.topology import restore_durable
from tradewind.common.contracts.envelope import Packet
from tradewind.common.reactor.ports import Position


class NatsBus:
    """Implements `ports.Bus` on a connection that it does not own. `topology` makes streams and consumers."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._publisher = Publisher(connection)
        self._losses = 0
        self._unwatch = connection.watch(self._on_change)

    async def intake(self, *, stream: str, durable: str, filters: tuple[str, ...] = ()) -> NatsIntake:
        """Takes the consumer over: all that is not acked is given to this intake.

        With `filters` a consumer that is gone (deleted by hand, or lost with the server's disk) is made
        again, and gives everything that is still in its stream; what was heard before changes nothing.

        Raises:
            Unavailable
        """
        if filters:
            with unavailable(f"{durable}'s consumer of {stream}"):
                await restore_durable(self._connection.js, Durable(stream, durable, filters))
        intake = NatsIntake(self._connection, stream=stream, durable=durable)
        try:
            await intake.open()
        except BaseException:
            await intake.close()
            raise
        return intake

    async def publish(self, packets: Sequence[Packet]) -> list[Position]:
        """In this order. A header `Nats-TTL` (seconds) makes a want go by itself.

        Raises:
            Unavailable: some may be in, ask again with the same packets. A full stream is a reason too.
        """
        return await self._publisher.publish(packets)

    async def last_sequence(self, stream: str) -> int:
        """Raises Unavailable."""
        self._connection.require_up()
        with unavailable(f"the stream {stream}"):
            return (await self._connection.js.stream_info(stream)).state.last_seq

    async def message_id(self, position: Position) -> str | None:
        """Raises Unavailable."""
        self._connection.require_up()
        with unavailable(f"the stream {position.stream}"):
            try:
                stored = await self._connection.js.get_msg(position.stream, position.sequence, direct=True)
            except NotFoundError:
                return None
        return (stored.headers or {}).get(MESSAGE_ID)

    def losses(self) -> int:
        return self._losses

    def _on_change(self, up: bool) -> None:
        self._losses += not up

    async def close(self) -> None:
        """Ends its publishing; the connection stays."""
        self._unwatch()
        await self._publisher.close()
