"""The contract suite runs on each of these."""

from pathlib import Path

import pytest

from tests.infra.infras import Infra, Local, Mock, Scripted


@pytest.fixture(params=[Local, Mock, Scripted], ids=["local", "mock", "simulated"])
def infra(request: pytest.FixtureRequest, tmp_path: Path) -> Infra:
    return request.param(tmp_path)
