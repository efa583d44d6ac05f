"""What the client's tests share."""

from collections.abc import Iterator

import pytest

from tests.unit.client.scripted_gateway import TOKEN, ScriptedGateway, scripted_gateway
from tradewind.client import Client


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedGateway]:
    """A scripted gateway, which `tw` and clients without an address find by the environment."""
    with scripted_gateway() as running:
        monkeypatch.setenv("TRADEWIND_ENDPOINT", running.url)
        monkeypatch.setenv("TRADEWIND_TOKEN", TOKEN)
        yield running


@pytest.fixture
def client(gateway: ScriptedGateway) -> Iterator[Client]:
    with Client() as running:
        yield running


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many tries, without the wait."""
    monkeypatch.setattr("tradewind.client.retries._FIRST_S", 0.001)
