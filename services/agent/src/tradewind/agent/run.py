"""One agent, from its folder to its end: the first file to open."""

import asyncio
import logging
import signal
from collections.abc import Awaitable
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

from tradewind.agent import __version__, measure
from tradewind.agent.agent import Agent
from tradewind.agent.body import Body
from tradewind.agent.fetching import Fetcher
from tradewind.agent.journal import Journal
from tradewind.agent.log_shipper import LogShipper
from tradewind.agent.memory import remember
from tradewind.agent.node_folder import NodeFolder
from tradewind.agent.speaker import Speaker
from tradewind.agent.tasks import cancel
from tradewind.agent.want_pull import WantPull
from tradewind.common.bus.connection import Connection, connect
from tradewind.common.bus.node_users import inbox_prefix
from tradewind.common.bus.publisher import Publisher
from tradewind.common.contracts.node import NodeSaid
from tradewind.common.contracts.node_file import NodeCredentials, NodeFile
from tradewind.common.reactor.ports import Unavailable
from tradewind.common.telemetry.spans import tracer_of

log = logging.getLogger(__name__)

HEARTBEAT_S = 4.0
"""A node is suspected when three or four are missing."""
CONNECT_S = 5.0


async def run(folder: NodeFolder) -> None:
    """Until SIGTERM.

    Raises:
        BadNodeFolder: it cannot work there.
        Unavailable: the bus has shut the node out.
    """
    over = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, _settle, over)
    node, credentials = folder.node(), folder.credentials()
    folder.ranks.empty_trash()
    journal = Journal(folder.journal)
    remembered = remember(journal.read())
    connecting = asyncio.ensure_future(_connect(node, credentials))
    await asyncio.wait([over, connecting], return_when=asyncio.FIRST_COMPLETED)
    if over.done():
        await cancel([connecting])
        return
    connection = connecting.result()
    publisher = Publisher(connection)

    def failed(error: BaseException) -> None:
        if not over.done():
            over.set_exception(error)

    speaker = Speaker(
        node=node.node, journal=journal, connection=connection, publisher=publisher, failed=failed
    )
    shipper = LogShipper(node=node.node, connection=connection, publisher=publisher, failed=failed)
    tracer = tracer_of("agent")
    agent = Agent(
        node=node.node,
        journal=journal,
        speaker=speaker,
        tracer=tracer,
        monotonic=asyncio.get_running_loop().time,
        body=lambda tell: Body(
            node=node,
            shim=folder.shim(),
            folders=folder.ranks,
            fetcher=Fetcher(connection, node=node.node, blobs=folder.blobs),
            shipper=shipper,
            tell=tell,
            failed=failed,
        ),
    )
    pull = WantPull(connection, node=node.node, take=agent.take, failed=failed)
    connection.watch(lambda up: agent.say_levels() if up else None)
    agent.recover(remembered, folder.ranks)
    try:
        await _first(
            over,
            connection.lost(),
            _heartbeat(node, speaker, connection),
            journal.keep_synced(),
            pull.run(),
        )
    finally:
        await agent.close()
        await speaker.close()
        await shipper.close()
        await publisher.close()
        await connection.close()
        journal.close()
        tracer.close()


async def _connect(node: NodeFile, credentials: NodeCredentials) -> Connection:
    at = urlsplit(node.nats_url)
    secret = f"{quote(credentials.user, safe='')}:{quote(credentials.password, safe='')}"
    url = at._replace(netloc=f"{secret}@{at.netloc}").geturl()
    prefix = inbox_prefix(node.node)
    while True:  # a node waits for its bus as long as it lives
        try:
            return await connect(url, name=f"agent {node.node}", inbox_prefix=prefix, wait_s=CONNECT_S)
        except Unavailable as why:
            log.warning("%s; trying again", why)


async def _heartbeat(node: NodeFile, speaker: Speaker, connection: Connection) -> None:
    room = node.room or measure.room()
    due = asyncio.Event()
    connection.watch(lambda up: due.set() if up else None)
    while True:
        due.clear()
        said = NodeSaid(
            node=node.node,
            boot=speaker.boot,
            agent_version=__version__,
            address=node.address,
            room=room,
            at=datetime.now(UTC),
        )
        with suppress(Unavailable):  # the next one will do
            await speaker.announce(said)
        try:
            async with asyncio.timeout(HEARTBEAT_S):
                await due.wait()
        except TimeoutError:
            continue


async def _first(over: asyncio.Future[None], *lives: Awaitable[None]) -> None:
    """Returns or raises as the first of them does; the others are cancelled."""
    tasks = [asyncio.ensure_future(one) for one in lives]
    try:
        await asyncio.wait([over, *tasks], return_when=asyncio.FIRST_COMPLETED)
    finally:
        await cancel(tasks)
    for one in (over, *tasks):
        if one.done() and not one.cancelled() and (error := one.exception()) is not None:
            raise error


def _settle(over: asyncio.Future[None]) -> None:
    if not over.done():
        over.set_result(None)
