"""A gateway on real Postgres and NATS for each test."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.fixtures import servers
from tests.integration.gateway.gateway_world import DURABLES, TOKEN, GatewayWorld, gateway_settings
from tradewind.common.bus.connection import connect
from tradewind.common.bus.nats_bus import NatsBus
from tradewind.common.bus.streams import streams
from tradewind.common.bus.topology import apply_durable, apply_stream
from tradewind.common.db.migrate import migrate
from tradewind.gateway.app import Gateway
from tradewind.local.nats_config import ADMIN
from tradewind.local.nats_server import EmbeddedNats
from tradewind.local.postgres import EmbeddedPostgres
from tradewind.local.postgres_files import SUPERUSER

postgres = servers.postgres
database = servers.database
nats_server = servers.nats_server


@pytest.fixture(scope="session")
async def database_template(postgres: EmbeddedPostgres) -> str:
    name = "template_gateway"
    await postgres.create_database(name)
    await migrate(postgres.url(name, user=SUPERUSER))
    return name


@pytest.fixture
async def world(
    database: servers.Database, nats_server: EmbeddedNats, tmp_path: Path
) -> AsyncGenerator[GatewayWorld]:
    async with running_gateway(database.url, nats_server, tmp_path) as world:
        yield world


@pytest.fixture(scope="module")
async def shared_world(
    postgres: EmbeddedPostgres, database_template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[GatewayWorld]:
    """For tests that leave nothing behind which others see."""
    folder = tmp_path_factory.mktemp("shared")
    await postgres.create_database("shared_gateway", template=database_template)
    async with (
        servers.running_nats(folder / "nats") as nats_server,
        running_gateway(postgres.url("shared_gateway"), nats_server, folder) as world,
    ):
        yield world
    await postgres.drop_database("shared_gateway")


@asynccontextmanager
async def running_gateway(
    database_url: str, nats_server: EmbeddedNats, folder: Path
) -> AsyncGenerator[GatewayWorld]:
    owner = await connect(nats_server.url(ADMIN), name="tests")
    for stream in streams(owners=["jobs_controller", "scheduler"], max_message=owner.client.max_payload):
        await apply_stream(owner.js, stream)
    for durable in DURABLES:
        await apply_durable(owner.js, durable)
    settings = gateway_settings(folder, postgres_url=database_url, nats_server=nats_server)
    gateway = Gateway(settings)
    running = asyncio.create_task(gateway.run())
    bus = NatsBus(owner)
    while not gateway.ready():
        assert not running.done(), running.result()
        await asyncio.sleep(0.005)
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{gateway.port}",
        headers={"Authorization": f"Bearer {TOKEN}"},
        timeout=10,
    ) as http:
        yield GatewayWorld(settings, gateway, http, owner, bus, nats_server, running)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await bus.close()
    await owner.close()
