"""The scripted infra: machines that boot, refuse, vanish and cost; a driver with a ledger of its own."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from tradewind.common.contracts.values import Failure, FailureKind, Place, Scope
from tradewind.common.hands import Transient
from tradewind.common.reactor.ports import Clock
from tradewind.provisioner.contracts import Found, Instance, InstanceState, LaunchOrder
from tradewind.provisioner.infra.driver import Admission, Capabilities, End, LaunchRefused, Sight, View
from tradewind.simulator.faults import FaultPlan
from tradewind.simulator.machine import Machine, Onlooker

INFRA = "scripted"

REFUSALS = (
    (FailureKind.CAPACITY, Scope.OFFER),
    (FailureKind.CAPACITY, Scope.ZONE),
    (FailureKind.QUOTA, Scope.REGION),
)


@dataclass(eq=False, slots=True)
class Rented:
    """A line of the ledger: one machine, from its launch to its end."""

    machine: Machine
    place: Place
    launched_at: datetime
    ended_at: datetime | None = None
    vanished: bool = False
    """Nobody of us ended it."""
    remains: bool = False
    """It is dead, and something of it is still there to be seen and removed."""

    def cost_usd(self, now: datetime) -> float:
        return self.place.price_usd_h * (((self.ended_at or now) - self.launched_at) / timedelta(hours=1))

    def told(self) -> Instance:
        machine = self.machine
        return Instance(
            node=machine.node, name=machine.instance, address=machine.address, launched_at=self.launched_at
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a launch: the same again, whenever it is asked for under the same token."""

    instances: tuple[Instance, ...]
    failure: Failure | None = None


class ScriptedCloud:
    """`provisioner.infra.driver.Driver`. `on_boot` starts the agent of a machine that is up."""

    name = INFRA
    capabilities = Capabilities(authoritative_liveness=True, multi_node=True)

    def __init__(
        self,
        *,
        clock: Clock,
        faults: FaultPlan,
        random: Random,
        onlooker: Onlooker,
        on_boot: Callable[[Machine], None],
    ) -> None:
        self._clock = clock
        self._faults = faults
        self._random = random
        self._onlooker = onlooker
        self._on_boot = on_boot
        self.ledger: dict[str, Rented] = {}
        """By node."""
        self._outcomes: dict[str, Outcome] = {}
        self._watches = random.random() < 0.5
        """Some infras tell of an end at once, others have to be asked."""
        self._vanished = asyncio.Event()

    @property
    def up(self) -> list[Rented]:
        return [rented for rented in self.ledger.values() if rented.machine.up]

    async def survey(self) -> View:
        await self._answer()
        found = tuple(
            Found(node=node, name=one.machine.instance, alive=one.machine.up, ended_at=one.ended_at)
            for node, one in self.ledger.items()
            if one.machine.up or one.remains
        )
        await self._answer()
        return View(enabled=True, found=found)

    async def launch(
        self, order: LaunchOrder, *, token: str, admissions: Mapping[str, Admission]
    ) -> tuple[Instance, ...]:
        await self._answer()
        outcome = self._outcomes.get(token)
        if outcome is None:
            outcome = self._outcomes[token] = self._decide(order)
        await self._answer()
        if outcome.failure is not None:
            raise LaunchRefused(outcome.failure, outcome.instances)
        return outcome.instances

    async def look(self, node: str, instance: str) -> Sight:
        await self._answer()
        rented = self.ledger.get(node)
        if rented is None:
            return Sight(InstanceState.GONE)
        return Sight(InstanceState.ALIVE if rented.machine.up else InstanceState.GONE, rented.ended_at)

    async def terminate(self, node: str, instance: str) -> datetime:
        await self._answer()
        rented = self.ledger.get(node)
        if rented is None:
            return self._clock.now()
        self._end(rented)
        rented.remains = False
        await self._answer()
        return rented.ended_at or self._clock.now()

    async def watch(self, ended: Callable[[End], Awaitable[None]]) -> None:
        told: set[str] = set()
        while True:
            await self._vanished.wait()
            self._vanished.clear()
            for node, rented in list(self.ledger.items()):
                if self._watches and rented.vanished and rented.ended_at is not None and node not in told:
                    told.add(node)
                    await ended(End(node, rented.machine.instance, rented.ended_at))

    def lose(self, rented: Rented) -> None:
        """The machine is gone, and nobody of us ended it."""
        self._end(rented)
        rented.vanished = True
        rented.remains = self._random.random() < 0.5
        self._vanished.set()

    def _decide(self, order: LaunchOrder) -> Outcome:
        if not self._faults.strikes("refusal"):
            return Outcome(self._launch(order.place, order.nodes))
        kind, scope = self._random.choice(REFUSALS)
        some = order.nodes[: self._random.randrange(len(order.nodes))]
        return Outcome(
            self._launch(order.place, some), Failure(kind=kind, scope=scope, message="no capacity")
        )

    def _launch(self, place: Place, nodes: Iterable[str]) -> tuple[Instance, ...]:
        launched: list[Instance] = []
        for node in nodes:
            number = len(self.ledger) + 1
            machine = Machine(
                node=node,
                instance=f"i-{number:04d}",
                room=place.room,
                address=f"10.0.{number // 250}.{number % 250 + 1}",
                onlooker=self._onlooker,
            )
            self.ledger[node] = Rented(machine, place, self._clock.now())
            asyncio.get_running_loop().call_later(self._random.uniform(1.0, 90.0), self._boot, machine)
            launched.append(self.ledger[node].told())
        return tuple(launched)

    def _boot(self, machine: Machine) -> None:
        if machine.up:
            self._on_boot(machine)

    def _end(self, rented: Rented) -> None:
        if rented.machine.up:
            rented.ended_at = self._clock.now()
            rented.machine.die()

    async def _answer(self) -> None:
        await asyncio.sleep(self._random.uniform(0.02, 1.0))
        if self._faults.strikes("cloud_error"):
            raise Transient("the scripted infra does not answer")
