"""The scripted infra: machines that boot, refuse, vanish and cost, and a ledger of its own."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import TypeVar

from tradewind.common.bus.streams import wants_of
from tradewind.common.contracts.values import Failure, FailureKind, Place, Scope
from tradewind.common.hands import Hand, Transient
from tradewind.common.reactor.decision import Intent
from tradewind.common.reactor.ports import Clock
from tradewind.provisioner.contracts import (
    Found,
    Instance,
    InstanceState,
    Launched,
    LaunchOrder,
    Looked,
    LookOrder,
    Surveyed,
    SurveyOrder,
    Terminated,
    TerminateOrder,
)
from tradewind.simulator.faults import FaultPlan
from tradewind.simulator.machine import Machine, Onlooker
from tradewind.simulator.memory_bus import MemoryServer

INFRA = "scripted"

T = TypeVar("T")


@dataclass(eq=False, slots=True)
class Rented:
    """A line of the ledger: one machine, from its launch to its end."""

    machine: Machine
    place: Place
    launched_at: datetime
    ended_at: datetime | None = None

    def cost_usd(self, now: datetime) -> float:
        return self.place.price_usd_h * (((self.ended_at or now) - self.launched_at) / timedelta(hours=1))


class Cloud:
    """The infra itself. `on_boot` is called when a machine is up, so that its agent starts."""

    def __init__(
        self,
        *,
        server: MemoryServer,
        clock: Clock,
        faults: FaultPlan,
        random: Random,
        onlooker: Onlooker,
        on_boot: Callable[[Machine], None],
    ) -> None:
        self._server = server
        self._clock = clock
        self._faults = faults
        self._random = random
        self._onlooker = onlooker
        self._on_boot = on_boot
        self.ledger: dict[str, Rented] = {}
        """By node."""
        self._launches: dict[str, tuple[str, ...]] = {}

    @property
    def up(self) -> list[Rented]:
        return [rented for rented in self.ledger.values() if rented.machine.up]

    def launched_under(self, token: str) -> tuple[Instance, ...]:
        return tuple(self._as_told(self.ledger[node]) for node in self._launches.get(token, ()))

    async def launch(self, token: str, place: Place, nodes: Sequence[str]) -> tuple[tuple[Instance, ...], Failure | None]:
        """Once a token: a second call tells what the first one did."""
        await self._answer_time()
        if token in self._launches:
            return self.launched_under(token), None
        if self._faults.strikes("refusal"):
            kind, scope = self._random.choice(
                ((FailureKind.CAPACITY, Scope.ZONE), (FailureKind.CAPACITY, Scope.OFFER), (FailureKind.QUOTA, Scope.REGION))
            )
            some = nodes[: self._random.randrange(len(nodes))]
            self._launch(token, place, some)
            return self.launched_under(token), Failure(kind=kind, scope=scope, message="no capacity")
        self._launch(token, place, nodes)
        await self._answer_time()
        return self.launched_under(token), None

    async def look(self, node: str) -> tuple[InstanceState, datetime | None]:
        await self._answer_time()
        rented = self.ledger.get(node)
        if rented is None or not rented.machine.up:
            return InstanceState.GONE, rented.ended_at if rented is not None else None
        return InstanceState.ALIVE, None

    async def survey(self) -> tuple[Found, ...]:
        await self._answer_time()
        found = tuple(Found(node=one.machine.node, name=one.machine.instance, alive=True) for one in self.up)
        await self._answer_time()
        return found

    async def terminate(self, node: str) -> datetime:
        await self._answer_time()
        rented = self.ledger.get(node)
        if rented is None:
            return self._clock.now()
        self._end(rented)
        self._server.remove(wants_of(node))
        ended_at = rented.ended_at or self._clock.now()
        await self._answer_time()
        return ended_at

    def lose(self, rented: Rented) -> None:
        """The machine is gone, and nobody of us ended it."""
        self._end(rented)

    def _launch(self, token: str, place: Place, nodes: Iterable[str]) -> None:
        loop = asyncio.get_running_loop()
        launched: list[str] = []
        for node in nodes:
            number = len(self.ledger) + 1
            self._server.declare(wants_of(node))
            machine = Machine(
                node=node,
                instance=f"i-{number:04d}",
                room=place.room,
                address=f"10.0.{number // 250}.{number % 250 + 1}",
                onlooker=self._onlooker,
            )
            self.ledger[node] = Rented(machine, place, self._clock.now())
            launched.append(node)
            loop.call_later(self._random.uniform(1.0, 90.0), self._boot, machine)
        self._launches[token] = tuple(launched)

    def _boot(self, machine: Machine) -> None:
        if machine.up:
            self._on_boot(machine)

    def _end(self, rented: Rented) -> None:
        if rented.machine.up:
            rented.ended_at = self._clock.now()
            rented.machine.die()

    def _as_told(self, rented: Rented) -> Instance:
        machine = rented.machine
        return Instance(
            node=machine.node, name=machine.instance, address=machine.address, launched_at=rented.launched_at
        )

    async def _answer_time(self) -> None:
        await asyncio.sleep(self._random.uniform(0.05, 2.0))
        if self._faults.strikes("cloud_error"):
            raise Transient("the scripted infra does not answer")


class SurveyHand:
    def __init__(self, cloud: Cloud, clock: Clock) -> None:
        self._cloud = cloud
        self._clock = clock

    async def look(self, intent: Intent) -> Surveyed | None:
        return None

    async def act(self, intent: Intent) -> Surveyed:
        order = _given(intent, SurveyOrder)
        taken_at = self._clock.now()
        found = await self._cloud.survey()
        return Surveyed(
            intent=intent.id, target=order.infra, taken_at=taken_at, enabled=True, found=found, complete=True
        )


class LaunchHand:
    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    async def look(self, intent: Intent) -> Launched | None:
        order = _given(intent, LaunchOrder)
        instances = self._cloud.launched_under(intent.id)
        if len(instances) < len(order.nodes):
            return None
        return Launched(intent=intent.id, target=order.cluster, instances=instances)

    async def act(self, intent: Intent) -> Launched:
        order = _given(intent, LaunchOrder)
        instances, failure = await self._cloud.launch(intent.id, order.place, order.nodes)
        return Launched(intent=intent.id, target=order.cluster, instances=instances, failure=failure)


class LookHand:
    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    async def look(self, intent: Intent) -> Looked | None:
        return None

    async def act(self, intent: Intent) -> Looked:
        order = _given(intent, LookOrder)
        state, ended_at = await self._cloud.look(order.node)
        return Looked(intent=intent.id, target=order.node, state=state, ended_at=ended_at)


class TerminateHand:
    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    async def look(self, intent: Intent) -> Terminated | None:
        return None

    async def act(self, intent: Intent) -> Terminated:
        order = _given(intent, TerminateOrder)
        ended_at = await self._cloud.terminate(order.node)
        return Terminated(intent=intent.id, target=order.node, ended_at=ended_at)


def hands(cloud: Cloud, clock: Clock) -> dict[str, Hand]:
    return {
        "survey": SurveyHand(cloud, clock),
        "launch": LaunchHand(cloud),
        "look": LookHand(cloud),
        "terminate": TerminateHand(cloud),
    }


def _given(intent: Intent, kind: type[T]) -> T:
    if not isinstance(intent.payload, kind):
        raise TypeError(f"{intent.hand} was given {type(intent.payload).__name__}")
    return intent.payload
