"""Connecting: waits for the server, says what is the matter, never a secret; a closed connection is told."""

import asyncio

import pytest

from tests.integration.bus.nats_world import NatsWorld
from tests.integration.contract.bus_contract import PATIENCE_S
from tradewind.common.bus.connection import connect
from tradewind.common.bus.node_users import inbox_prefix, user_name
from tradewind.common.reactor.ports import Unavailable
from tradewind.local.nats_config import ADMIN
from tradewind.local.nats_server import EmbeddedNats


async def test_it_waits_for_the_server(nats_server: EmbeddedNats, caplog: pytest.LogCaptureFixture) -> None:
    url = nats_server.url(ADMIN)
    await nats_server.stop()
    connecting = asyncio.create_task(connect(url, name="early"))
    await asyncio.sleep(0.4)
    await nats_server.start()
    started = asyncio.get_running_loop().time()
    connection = await connecting
    assert asyncio.get_running_loop().time() - started < 0.5
    assert connection.up
    assert caplog.records == []
    await connection.close()


async def test_nobody_listens(unused_tcp_port: int) -> None:
    with pytest.raises(Unavailable, match=f"^NATS at 127.0.0.1:{unused_tcp_port}: "):
        await connect(f"nats://a:secret@127.0.0.1:{unused_tcp_port}", name="x", wait_s=0.2)


@pytest.fixture
async def unused_tcp_port() -> int:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port


async def test_wrong_password(nats_server: EmbeddedNats, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(Unavailable, match="Authorization Violation") as raised:
        await connect(f"nats://admin:secret@127.0.0.1:{nats_server.port}", name="x", wait_s=0.7)
    assert "secret" not in str(raised.value) + caplog.text
    assert 1 <= len(caplog.records) <= 3
    assert not any(record.exc_info for record in caplog.records)


async def test_something_else_listens() -> None:
    server = await asyncio.start_server(
        lambda _reader, writer: writer.write(b"HTTP/1.1 400\r\n\r\n"), "127.0.0.1", 0
    )
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(Unavailable, match="no answer in time"):
        await connect(f"nats://127.0.0.1:{port}", name="x", wait_s=0.5)
    server.close()


async def test_credentials_that_are_taken_back_close_it_for_good(
    nats_server: EmbeddedNats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tradewind.common.bus.connection.REFUSED_FOR_GOOD_S", 0.5)
    password = nats_server.node_users.add("n1")
    connection = await connect(
        f"nats://{user_name('n1')}:{password}@127.0.0.1:{nats_server.port}",
        name="n1",
        inbox_prefix=inbox_prefix("n1"),
    )
    waiting = asyncio.create_task(connection.lost())
    nats_server.node_users.remove("n1")
    with pytest.raises(Unavailable, match="for good: 'Authorization Violation'"):
        async with asyncio.timeout(PATIENCE_S):
            await waiting
    assert connection.closed


async def test_closing_it_ourselves_is_no_loss(nats_server: EmbeddedNats) -> None:
    connection = await connect(nats_server.url(ADMIN), name="x")
    waiting = asyncio.create_task(connection.lost())
    await asyncio.sleep(0)
    await connection.close()
    await waiting


async def test_watchers_hear_of_loss_and_return(world: NatsWorld) -> None:
    connection = await world.connection()
    heard: list[bool] = []
    unwatch = connection.watch(heard.append)
    await world.server.stop()
    await world.server.start()
    async with asyncio.timeout(PATIENCE_S):
        while heard != [False, True]:  # noqa: ASYNC110 # the watcher is what is tested
            await asyncio.sleep(0.01)
    unwatch()
    await world.server.stop()
    await asyncio.sleep(0.1)
    assert heard == [False, True]
