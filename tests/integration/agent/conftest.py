"""A bus for each test, and a node on it."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.fixtures.servers import nats_server  # noqa: F401 -- a fixture is used by its name
from tests.integration.agent.machine import ControlPlane, Machine, control_plane
from tradewind.local.nats_server import EmbeddedNats


@pytest.fixture
async def plane(nats_server: EmbeddedNats) -> AsyncGenerator[ControlPlane]:  # noqa: F811 -- by its name
    async with control_plane(nats_server) as plane:
        yield plane


@pytest.fixture
async def machine(plane: ControlPlane, tmp_path: Path) -> AsyncGenerator[Machine]:
    machine = Machine(plane, tmp_path / "node")
    await machine.admit()
    await machine.start()
    try:
        yield machine
    finally:
        await machine.end()
