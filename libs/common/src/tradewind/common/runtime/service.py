"""A service as an app: its wiring over the real store and bus."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass

from tradewind.common.bus.connection import Connection, connect
from tradewind.common.bus.nats_bus import NatsBus
from tradewind.common.db.engine import create_engine
from tradewind.common.db.migrate import require_current
from tradewind.common.db.postgres_store import PostgresStore
from tradewind.common.hands import Hand, Hands
from tradewind.common.reactor.journal import Journal
from tradewind.common.reactor.leader import Leader
from tradewind.common.reactor.ports import Bus, Clock, Store
from tradewind.common.reactor.wiring import Wiring
from tradewind.common.runtime.clock import SystemClock
from tradewind.common.runtime.settings import Settings
from tradewind.common.telemetry.database import trace_commits
from tradewind.common.telemetry.spans import spans_of, tracer_of

SCHEMA_WITHIN_S = 60.0
"""A deployment may start services and migrations together."""

Beside = Callable[["Outside"], Coroutine[None, None, None]]
"""What runs beside the leader as long as the app does: a watch, a query endpoint."""


@dataclass(frozen=True, slots=True)
class Outside:
    """What a service has of the world."""

    settings: Settings
    store: Store
    bus: Bus
    connection: Connection
    clock: Clock


class ServiceApp:
    """Runs a leader of `wiring`, its hands, and what stands beside them."""

    def __init__(
        self,
        wiring: Wiring,
        settings: Settings,
        *,
        hands: Callable[[Outside], Mapping[str, Hand]] = lambda outside: {},
        beside: Sequence[Beside] = (),
        knows_enough: Callable[[], bool] = lambda: True,
    ) -> None:
        self._wiring = wiring
        self._settings = settings
        self._make_hands = hands
        self._beside = beside
        self._knows_enough = knows_enough
        self._leader: Leader | None = None

    @property
    def name(self) -> str:
        return self._wiring.service

    def ready(self) -> bool:
        """It leads, and knows enough to be asked. (A standby is not ready: nothing is to be sent its way.)"""
        return self._leader is not None and self._leader.leading and self._knows_enough()

    async def run(self) -> None:
        engine = create_engine(self._settings.postgres_url, service=self.name, generic_plans=True)
        tracer = tracer_of(self.name)
        trace_commits(engine, tracer)
        connection = await connect(self._settings.nats_url, name=f"tradewind.{self.name}")
        bus = NatsBus(connection)
        try:
            await require_current(engine, self.name, wait_s=SCHEMA_WITHIN_S)
            store = PostgresStore(
                engine, service=self.name, kinds=self._wiring.kinds, hands=self._wiring.hands
            )
            outside = Outside(self._settings, store, bus, connection, SystemClock())
            hands = Hands(
                self._make_hands(outside), service=self.name, store=store, bus=bus, clock=outside.clock
            )
            self._leader = Leader(
                self._wiring,
                store=store,
                bus=bus,
                clock=outside.clock,
                holder=self._settings.instance,
                on_intents=hands.take,
                on_deposed=hands.drop,
                spans=spans_of(self.name),
                journal=Journal(self._settings.journal) if self._settings.journal else None,
            )
            async with asyncio.TaskGroup() as group:
                group.create_task(self._leader.run(), name=f"{self.name} leader")
                group.create_task(connection.lost(), name=f"{self.name} connection")
                for one in self._beside:
                    group.create_task(one(outside), name=f"{self.name} {one.__name__}")
        finally:
            self._leader = None
            await bus.close()
            await connection.close()
            await engine.dispose()
