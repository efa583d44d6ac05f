"""A bus for each test, and a node on it."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.fixtures.servers import running_nats
from tests.integration.agent.machine import ControlPlane, Machine, control_plane


@pytest.fixture
async def plane(tmp_path: Path) -> AsyncGenerator[ControlPlane]:
    async with running_nats(tmp_path / "nats") as server, control_plane(server) as plane:
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
