"""What the provisioner's tests begin with."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.integration.provisioner.local_host import Host


@pytest.fixture
async def host(tmp_path: Path) -> AsyncGenerator[Host]:
    host = Host(tmp_path / "nodes")
    yield host
    host.clear()
