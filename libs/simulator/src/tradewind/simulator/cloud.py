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
from tradewind.provisioner.infra.driver import (
    Admission,
    Capabilities,
    End,
    LaunchRefused,
    ReclaimNotice,
    Sight,
    View,
)
from tradewind.simulator.faults import FaultPlan, Strike
from tradewind.simulator.machine import Machine
from tradewind.simulator.machine import Onlooker as MachineOnlooker

INFRA = "scripted"
"""Knows for sure which of its machines are gone, as a cloud does."""
HOSTS = "hosts"
"""Does not: a machine that cannot be reached may be there all the same, as with hosts behind ssh. Its
machines do not die here, since nobody could ever say so (design.md §2): they are out of reach for a while.
"""

REFUSALS = (
    (FailureKind.CAPACITY, Scope.OFFER),
    (FailureKind.CAPACITY, Scope.ZONE),
    (FailureKind.QUOTA, Scope.REGION),
    (FailureKind.INVALID, Scope.OFFER),
    (FailureKind.AUTH, Scope.INFRA),
    (FailureKind.TRANSIENT, Scope.ZONE),
)
LISTS_LAG_S = 60.0


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
    reclaim_at: datetime | None = None
    """It was told that the machine is taken away then."""
    ignores: int = 0
    """So many orders to end go unheard."""
    out_of_reach: bool = False

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


class Onlooker(MachineOnlooker):
    """Sees the ends of machines too, while what runs on them still does."""

    def machine_ends(self, rented: Rented, *, by_us: bool) -> None: ...


class ScriptedCloud:
    """`provisioner.infra.driver.Driver`. `on_boot` starts the agent of a machine that is up; `part` cuts the
    agent of a node off for some seconds.
    """

    def __init__(
        self,
        *,
        name: str,
        clock: Clock,
        faults: FaultPlan,
        random: Random,
        onlooker: Onlooker,
        on_boot: Callable[[Machine], None],
        part: Callable[[str, float], None],
        note: Callable[[str], None],
    ) -> None:
        self.name = name
        self.knows = name == INFRA
        self.capabilities = Capabilities(authoritative_liveness=self.knows, multi_node=True)
        self._clock = clock
        self._faults = faults
        self._random = random
        self._onlooker = onlooker
        self._on_boot = on_boot
        self._part = part
        self._note = note
        self.ledger: dict[str, Rented] = {}
        """By node."""
        self.living: dict[str, Rented] = {}
        """Those of the ledger whose machine is up."""
        self._dead_seen: dict[str, Rented] = {}
        """Dead ones of which something is left, or was a moment ago."""
        self._outcomes: dict[str, Outcome] = {}
        self._watches = random.random() < 0.5
        """Some infras tell of an end at once, others have to be asked."""
        self._news: list[End | ReclaimNotice] = []
        self._more_news = asyncio.Event()
        self._down: dict[tuple[str, str | None], float] = {}
        """Until when nothing is to be had in a region, or in one zone of it."""
        self._throttled_until = 0.0

    @property
    def up(self) -> list[Rented]:
        return list(self.living.values())

    @property
    def spot(self) -> list[Rented]:
        return [one for one in self.living.values() if one.place.spot and one.reclaim_at is None]

    async def survey(self) -> View:
        await self._answer()
        old = self._clock.now() - timedelta(seconds=LISTS_LAG_S)
        lags = self._faults.strikes("lagging_list", self.name) is not None
        found = [
            Found(node=node, name=one.machine.instance, alive=True)
            for node, one in self.living.items()
            if not one.out_of_reach and not (lags and one.launched_at > old)
        ]
        for node, one in list(self._dead_seen.items()):
            ended_at = one.ended_at or old
            if lags and ended_at > old:
                found.append(Found(node=node, name=one.machine.instance, alive=True))
            elif one.remains:
                found.append(Found(node=node, name=one.machine.instance, alive=False, ended_at=ended_at))
            elif ended_at <= old:
                del self._dead_seen[node]
        await self._answer()
        return View(enabled=True, found=tuple(found))

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
        if rented.out_of_reach:
            return Sight(InstanceState.UNKNOWN)
        return Sight(InstanceState.ALIVE if rented.machine.up else InstanceState.GONE, rented.ended_at)

    async def terminate(self, node: str, instance: str) -> datetime:
        await self._answer()
        rented = self.ledger.get(node)
        if rented is None:
            return self._clock.now()
        if rented.out_of_reach:
            raise Transient("the machine cannot be reached")
        if rented.machine.up and rented.ignores:
            rented.ignores -= 1
            raise Transient("the machine does not end")
        self._end(rented, by_us=True)
        rented.remains = False
        await self._answer()
        return rented.ended_at or self._clock.now()

    async def watch(self, tell: Callable[[End | ReclaimNotice], Awaitable[None]]) -> None:
        told = 0
        while True:
            while told < len(self._news):
                told += 1
                await tell(self._news[told - 1])
            self._more_news.clear()
            await self._more_news.wait()

    # ---- what may befall it

    def lose_one(self, strike: Strike) -> bool:
        """The machine is gone, and nobody of us ended it; or it is out of reach for a while."""
        there = [one for one in self.up if not one.out_of_reach]
        if not there:
            return False
        rented = strike.random.choice(there)
        if self.knows:
            self._note(f"{strike.name}: machine {rented.machine.node[:8]} is gone")
            self._lose(rented, strike)
            return True
        lasts = strike.often_short(30.0, 120.0, 600.0)
        self._note(f"{strike.name}: machine {rented.machine.node[:8]} is out of reach for {lasts:.0f} s")
        rented.out_of_reach = True
        self._part(rented.machine.node, lasts)
        asyncio.get_running_loop().call_later(lasts, self._in_reach, rented)
        return True

    def reclaim_one(self, strike: Strike) -> bool:
        """A spot machine is taken away; in some infras, after a notice."""
        if not self.spot:
            return False
        rented = strike.random.choice(self.spot)
        notice = strike.random.choice((0.0, 2.0, 30.0, 120.0))
        node = rented.machine.node
        if not self._watches or notice == 0.0:
            self._note(f"{strike.name}: machine {node[:8]} is reclaimed without notice")
            self._lose(rented, strike)
            return True
        self._note(f"{strike.name}: machine {node[:8]} is reclaimed in {notice:.0f} s")
        rented.reclaim_at = self._clock.now() + timedelta(seconds=notice)
        self._tell(ReclaimNotice(node, rented.machine.instance, rented.reclaim_at))
        asyncio.get_running_loop().call_later(notice, self._lose, rented, strike)
        return True

    def lose_a_place(self, strike: Strike) -> bool:
        """A zone or a region is gone for a while, with every machine in it."""
        if not self.knows or not self.living:
            return False
        place = strike.random.choice(self.up).place
        zone = None if strike.random.random() < 0.3 else place.zone
        lasts = strike.often_short(10.0, 120.0, 600.0)
        self._note(f"{strike.name}: {place.region}/{zone or '*'} is down for {lasts:.0f} s")
        self._down[place.region, zone] = asyncio.get_running_loop().time() + lasts
        for rented in self.up:
            if rented.place.region == place.region and zone in (None, rented.place.zone):
                self._lose(rented, strike)
        return True

    def throttle(self, strike: Strike) -> bool:
        lasts = strike.between(10.0, 120.0)
        self._note(f"{strike.name}: {self.name} answers few calls for {lasts:.0f} s")
        self._throttled_until = asyncio.get_running_loop().time() + lasts
        return True

    def heal(self) -> None:
        self._throttled_until = 0.0
        self._down.clear()
        for rented in self.up:
            rented.out_of_reach = False
            rented.ignores = 0

    def _lose(self, rented: Rented, strike: Strike) -> None:
        if not rented.machine.up:
            return
        self._end(rented, by_us=False)
        rented.vanished = True
        rented.remains = strike.random.random() < 0.5
        if rented.ended_at is not None:
            self._tell(End(rented.machine.node, rented.machine.instance, rented.ended_at))

    def _tell(self, news: End | ReclaimNotice) -> None:
        if self._watches:
            self._news.append(news)
            self._more_news.set()

    def _in_reach(self, rented: Rented) -> None:
        rented.out_of_reach = False

    def _decide(self, order: LaunchOrder) -> Outcome:
        place = order.place
        if (scope := self._outage(place)) is not None:
            return Outcome((), Failure(kind=FailureKind.CAPACITY, scope=scope, message="it is down"))
        if (strike := self._faults.strikes("refusal", self.name)) is None:
            return Outcome(self._launch(place, order.nodes))
        kind, scope = strike.random.choice(REFUSALS)
        some = (
            order.nodes[: strike.random.randrange(len(order.nodes))] if kind is FailureKind.CAPACITY else ()
        )
        return Outcome(self._launch(place, some), Failure(kind=kind, scope=scope, message=f"{kind} is short"))

    def _outage(self, place: Place) -> Scope | None:
        """How far the outage reaches in which that place lies, if it lies in one."""
        now = asyncio.get_running_loop().time()
        for (region, zone), until in self._down.items():
            if until > now and region == place.region and zone in (None, place.zone):
                return Scope.REGION if zone is None else Scope.ZONE
        return None

    def _launch(self, place: Place, nodes: Iterable[str]) -> tuple[Instance, ...]:
        launched: list[Instance] = []
        for node in nodes:
            number = len(self.ledger) + 1
            machine = Machine(
                node=node,
                instance=f"{self.name[0]}-{number:04d}",
                room=place.room,
                address=f"10.{1 if self.knows else 2}.{number // 250}.{number % 250 + 1}",
                onlooker=self._onlooker,
            )
            rented = Rented(machine, place, self._clock.now())
            if (strike := self._faults.strikes("stubborn", self.name)) is not None:
                rented.ignores = strike.random.randint(1, 4)
            self.ledger[node] = self.living[node] = rented
            self._boot_later(machine)
            launched.append(rented.told())
        return tuple(launched)

    def _boot_later(self, machine: Machine) -> None:
        takes: float | None = self._random.uniform(1.0, 90.0)
        if (strike := self._faults.strikes("slow_boot", self.name)) is not None:
            takes = None if strike.random.random() < 0.4 else strike.between(120.0, 420.0)
            how = "never comes up" if takes is None else f"takes {takes:.0f} s to come up"
            self._note(f"{strike.name}: machine {machine.node[:8]} {how}")
        if takes is not None:
            asyncio.get_running_loop().call_later(takes, self._boot, machine)

    def _boot(self, machine: Machine) -> None:
        if machine.up:
            self._on_boot(machine)

    def _end(self, rented: Rented, *, by_us: bool) -> None:
        if rented.machine.up:
            rented.ended_at = self._clock.now()
            self.living.pop(rented.machine.node, None)
            self._dead_seen[rented.machine.node] = rented
            self._onlooker.machine_ends(rented, by_us=by_us)
            rented.machine.die()

    async def _answer(self) -> None:
        await asyncio.sleep(self._random.uniform(0.02, 1.0))
        if self._throttled_until > asyncio.get_running_loop().time() and self._random.random() < 0.7:
            raise Transient("too many requests")
        if self._faults.strikes("cloud_error", self.name) is not None:
            raise Transient("the scripted infra does not answer")
