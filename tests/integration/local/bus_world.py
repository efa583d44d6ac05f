"""A bus with the real streams and two nodes, and a way to see whether an attempt changed anything in it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import nats
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from tests.fixtures.servers import running_nats
from tradewind.common.bus import topology
from tradewind.common.bus.connection import connect
from tradewind.common.bus.node_users import inbox_prefix, user_name
from tradewind.common.bus.streams import Durable, wants_of
from tradewind.local.nats_config import ADMIN
from tradewind.local.nats_server import EmbeddedNats

OWNER = "jobs_controller"
READERS = (
    wants_of("n1"),
    wants_of("n2"),
    Durable("COMMANDS", OWNER, (f"cmd.{OWNER}.>",)),
    Durable("SAID", OWNER, ("said.*.rank", "said.*.node", "said.hand.*.*")),
)


@dataclass
class Caller:
    """A connection under some credential, with what the server refused it."""

    client: Client
    refused: list[str]
    closed: asyncio.Event
    heard: list[Msg] = field(default_factory=list[Msg])

    async def hear(self, message: Msg) -> None:
        self.heard.append(message)


@asynccontextmanager
async def calling(url: str, *, inbox: str = "_INBOX", **options: str) -> AsyncGenerator[Caller]:
    refused: list[str] = []
    closed = asyncio.Event()

    async def note(error: Exception) -> None:
        refused.append(str(error))

    async def note_end() -> None:
        closed.set()

    client = await nats.connect(
        url,
        inbox_prefix=inbox.encode(),
        error_cb=note,
        closed_cb=note_end,
        allow_reconnect=False,
        connect_timeout=2,
        **options,
    )
    try:
        yield Caller(client, refused, closed)
    finally:
        await client.close()


def as_node(server: EmbeddedNats, node: str) -> AbstractAsyncContextManager[Caller]:
    return calling(
        server.address, inbox=inbox_prefix(node), user=user_name(node), password=server.node_users.add(node)
    )


async def until_let_in(server: EmbeddedNats, node: str) -> None:
    """A new user is let in some milliseconds after it was added; meanwhile JetStream may not answer."""
    async with asyncio.timeout(2):
        while True:
            try:
                async with as_node(server, node), calling(server.url(ADMIN)) as admin:
                    await admin.client.jetstream().account_info()
                    return
            except (nats.errors.Error, OSError):
                await asyncio.sleep(0.005)


@dataclass
class World:
    server: EmbeddedNats
    admin: Caller

    async def state(self) -> dict[str, object]:
        """Every stream and consumer, with the counters by which a change or a theft would show."""
        js = self.admin.client.jetstream()
        seen: dict[str, object] = {}
        for info in await js.streams_info():
            seen[info.config.name or ""] = (info.config.subjects, info.state.messages, info.state.last_seq)
            for consumer in await js.consumers_info(info.config.name or ""):
                delivered = consumer.delivered.consumer_seq if consumer.delivered else 0
                floor = consumer.ack_floor.consumer_seq if consumer.ack_floor else 0
                seen[f"{info.config.name}/{consumer.name}"] = (
                    consumer.config.filter_subject, consumer.num_pending, delivered, floor,
                )  # fmt: skip
        return seen

    def overheard(self) -> list[Msg]:
        """What anybody published since the last call. Ask before `state`, which publishes requests itself."""
        heard = [m for m in self.admin.heard if not m.subject.startswith("$JS.EVENT.ADVISORY.")]
        self.admin.heard.clear()
        return heard

    async def settle(self, caller: Caller) -> None:
        """Until the server has done what the caller's messages made it do."""
        await caller.client.flush()
        await asyncio.sleep(0.01)  # it answers pulls and acks after the flush's PONG
        await self.admin.client.flush()
        await asyncio.sleep(0)  # callbacks run in tasks of their own


@asynccontextmanager
async def world(folder: Path) -> AsyncGenerator[World]:
    async with running_nats(folder) as server, calling(server.url(ADMIN)) as admin:
        server.node_users.add_all(["n1", "n2"])
        await until_let_in(server, "n2")
        connection = await connect(server.url(ADMIN), name="topology")
        await topology.apply(connection, (), readers=READERS)
        await connection.close()
        js = admin.client.jetstream()
        for node in ("n1", "n2"):
            await js.publish(f"want.{node}.job", b"want")
        for stream in ("evt.default.job.queued", "cmd.jobs_controller.submit", "said.n2.rank", "log.n2.0"):
            await js.publish(stream, b"there before")
        await admin.client.subscribe(">", cb=admin.hear)
        await admin.client.flush()
        yield World(server, admin)
