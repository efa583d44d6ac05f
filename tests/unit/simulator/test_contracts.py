"""The bus and the store in memory do what NATS and Postgres do: the same scenarios, the same outcome."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.integration.contract.bus_contract import SCENARIOS, Scenario
from tests.integration.contract.store_contract import HANDS, KINDS, RULES, SERVICE, Rule
from tradewind.common.bus.streams import Durable, streams
from tradewind.common.reactor.ports import Bus
from tradewind.simulator.memory_bus import MemoryBus, MemoryServer
from tradewind.simulator.memory_store import MemoryStore
from tradewind.simulator.virtual_time import VirtualLoop, run


class MemoryStoreWorld:
    def __init__(self) -> None:
        self._elapsed = timedelta()
        self._store = MemoryStore(service=SERVICE, kinds=KINDS, hands=HANDS, clock=self)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._elapsed

    def store(self) -> MemoryStore:
        return self._store

    async def elapse(self, seconds: float) -> None:
        self._elapsed += timedelta(seconds=seconds)


class MemoryBusWorld:
    def __init__(self, loop: VirtualLoop) -> None:
        configs = streams(owners=["scheduler", "optimizer"], max_message=2**20)
        self._server = MemoryServer(configs, loop_time=loop.time)

    async def durable(self, stream: str, name: str, *filters: str) -> None:
        self._server.declare(Durable(stream, name, filters))

    async def delete(self, stream: str, name: str) -> None:
        self._server.remove(Durable(stream, name, ()))

    async def bus(self) -> MemoryBus:
        return MemoryBus(self._server)

    async def crash(self, bus: Bus) -> None:
        """A process in memory that is killed just never says anything again."""

    async def stored(self, stream: str) -> int:
        return self._server.stored(stream)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_store(rule: Rule) -> None:
    async def main(loop: VirtualLoop) -> None:
        await rule(MemoryStoreWorld())

    run(main)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_bus(scenario: Scenario) -> None:
    async def main(loop: VirtualLoop) -> None:
        await scenario(MemoryBusWorld(loop))

    run(main)
