"""A real bus with the streams of design.md §4, as the scenarios of the contract see it."""

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

    async def connection(self, *, user: str = ADMIN) -> Connection:
        connection = await connect(self.server.url(user), name="test")
        self._connections[id(connection)] = connection
        return connection

    async def bus(self) -> NatsBus:
        connection = await self.connection()
        bus = NatsBus(connection)
        self._connections[id(bus)] = connection
        return bus

    async def crash(self, bus: Bus) -> None:
        connection = self._connections[id(bus)]
        transport = connection.client._transport
        assert transport is not None
        connection.client.options["allow_reconnect"] = False
        transport._io_writer.transport.abort()  # type: ignore[attr-defined] # what the kernel does for a killed process

    async def stored(self, stream: str) -> int:
        return (await self.admin.js.stream_info(stream)).state.messages

    async def close(self) -> None:
        for connection in {id(one): one for one in self._connections.values()}.values():
            await connection.close()
