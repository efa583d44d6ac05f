"""A real bus with the streams of design.md §4, as the scenarios of the contract see it."""

from nats.aio.transport import TcpTransport

from tradewind.common.bus.connection import Connection, connect
from tradewind.common.bus.nats_bus import NatsBus
from tradewind.common.bus.streams import Durable, streams
from tradewind.common.bus.topology import apply_durable, apply_stream
from tradewind.common.reactor.ports import Bus
from tradewind.local.nats_config import ADMIN
from tradewind.local.nats_server import EmbeddedNats


class NatsWorld:
    """Implements `BusWorld`."""

    def __init__(self, server: EmbeddedNats, admin: Connection) -> None:
        self.server = server
        self.admin = admin
        self._connections: dict[int, Connection] = {}

    async def prepare(self, *, events_bytes: int = 2**30) -> None:
        for config in streams(
            owners=["scheduler", "optimizer"],
            max_message=self.admin.client.max_payload,
            events_bytes=events_bytes,
        ):
            await apply_stream(self.admin.js, config)

    async def durable(self, stream: str, name: str, *filters: str) -> None:
        await apply_durable(self.admin.js, Durable(stream, name, filters))

    async def delete(self, stream: str, name: str) -> None:
        await self.admin.js.delete_consumer(stream, name)

    async def connection(self, *, user: str = ADMIN) -> Connection:
        connection = await connect(self.server.url(user), name="test")
        self._connections[id(connection)] = connection
        return connection

    async def bus(self) -> NatsBus:
        _, bus = await self.connected_bus()
        return bus

    async def connected_bus(self) -> tuple[Connection, NatsBus]:
        connection = await self.connection()
        bus = NatsBus(connection)
        self._connections[id(bus)] = connection
        return connection, bus

    async def crash(self, bus: Bus) -> None:
        connection = self._connections[id(bus)]
        connection.client.options["allow_reconnect"] = False
        cut(connection)

    async def stored(self, stream: str) -> int:
        return (await self.admin.js.stream_info(stream)).state.messages

    async def close(self) -> None:
        for connection in {id(one): one for one in self._connections.values()}.values():
            await connection.close()


def cut(connection: Connection) -> None:
    """End the TCP connection without a word, as the kernel does for a killed process."""
    transport = connection.client._transport
    assert isinstance(transport, TcpTransport)
    assert transport._io_writer is not None
    transport._io_writer.transport.abort()
