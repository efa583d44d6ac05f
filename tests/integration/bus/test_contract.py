"""NATS does what every bus does."""

import pytest

from tests.integration.bus.nats_world import NatsWorld
from tests.integration.contract.bus_contract import SCENARIOS, Scenario


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
async def test_nats(world: NatsWorld, scenario: Scenario) -> None:
    await scenario(world)
