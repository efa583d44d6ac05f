"""A real NATS server with the streams of design.md §4 for each test."""

from collections.abc import AsyncGenerator

import pytest

from tests.fixtures import servers
from tests.integration.bus.nats_world import NatsWorld
from tradewind.common.bus.connection import connect
from tradewind.local.nats_config import ADMIN
from tradewind.local.nats_server import EmbeddedNats

nats_server = servers.nats_server


@pytest.fixture
async def world(nats_server: EmbeddedNats) -> AsyncGenerator[NatsWorld]:
    admin = await connect(nats_server.url(ADMIN), name="admin")
    made = NatsWorld(nats_server, admin)
    await made.prepare()
    yield made
    await made.close()
    await admin.close()
