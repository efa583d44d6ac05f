"""The infras of a world: the scripted cloud of the `mock` infra, on machines that are values.

What it sells, what it bills, its ledger and its ways to refuse are `provisioner.infra.mock`'s. What befalls
it is decided here, strike by strike; for the length of one call its script says that this goes wrong now.
"""

import asyncio
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from tradewind.common.contracts.values import FailureKind, Place, Scope
from tradewind.common.hands import Transient
from tradewind.common.reactor.decision import derived_id
from tradewind.common.reactor.ports import Clock
from tradewind.provisioner.contracts import Instance, InstanceState, LaunchOrder
from tradewind.provisioner.infra.driver import (
    Admission,
    Capabilities,
    End,
    LaunchRefused,
    ReclaimNotice,
    Sight,
    View,
)
from tradewind.provisioner.infra.mock.cloud import CallFailed, MockCloud
from tradewind.provisioner.infra.mock.script import (
    Boot,
    Capacity,
    CloudScript,
    Refusal,
    Step,
    Throttle,
)
from tradewind.provisioner.infra.mock.state import Booted, CloudState, Ended, Rented
from tradewind.simulator.faults import FaultPlan, Strike
from tradewind.simulator.machine import Machine
from tradewind.simulator.machine import Onlooker as MachineOnlooker
from tradewind.simulator.virtual_time import EPOCH

REFUSALS = (
    (FailureKind.CAPACITY, Scope.OFFER),
    (FailureKind.CAPACITY, Scope.ZONE),
    (FailureKind.CAPACITY, None),  # some of the gang come
    (FailureKind.CAPACITY, None),
    (FailureKind.QUOTA, Scope.REGION),
    (FailureKind.INVALID, Scope.OFFER),
    (FailureKind.AUTH, Scope.INFRA),
    (FailureKind.TRANSIENT, Scope.ZONE),
)
LAG_S = 60.0
NEVER_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Noticed:
    """A notice, and how long before the end it came."""

    news: ReclaimNotice
    after_s: float


class Onlooker(MachineOnlooker):
    """Sees machines end too, while what runs on them still does."""

    def machine_ends(self, machine: Machine, *, by_us: bool) -> None: ...


class ScriptedCloud:
    """`provisioner.infra.driver.Driver`. `on_boot` starts the agent of a machine that is up; `part` cuts the
    agent of a node off for some seconds.

    One that does not know which machines are gone (`knows`) is as hosts behind ssh: what cannot be reached
    may be there all the same. Its machines do not die here, since nobody could ever say so (design.md §2):
    they are out of reach for a while.
    """

    def __init__(
        self,
        name: str,
        script: CloudScript,
        *,
        knows: bool,
        seed: int,
        clock: Clock,
        faults: FaultPlan,
        onlooker: Onlooker,
        on_boot: Callable[[Machine], None],
        part: Callable[[str, float], None],
        note: Callable[[str], None],
    ) -> None:
        self.name = name
        self.knows = knows
        self.capabilities = Capabilities(authoritative_liveness=knows, multi_node=True)
        self.cloud = MockCloud(name, script, seed=seed, state=CloudState(began_at=EPOCH))
        self.machines: dict[str, Machine] = {}
        """By node, all that it ever rented out."""
        self.told: dict[str, Noticed] = {}
        """By node, what was told before it was taken away."""
        self.ghosts: set[str] = set()
        """Machines that came without having been asked for: nobody knows of them until they are found."""
        self._calm = script
        self._clock = clock
        self._faults = faults
        self._random = Random(f"{name}/{seed}")
        self._onlooker = onlooker
        self._on_boot = on_boot
        self._part = part
        self._note = note
        self._watches = self._random.random() < 0.5
        """Some infras tell of what happens at once, others have to be asked."""
        self._news: list[End | ReclaimNotice] = []
        self._more_news = asyncio.Event()
        self._stubborn: dict[str, int] = {}
        """By node, how many orders to end go unheard."""
        self._unreachable: set[str] = set()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def up(self) -> list[Rented]:
        return self.cloud.living()

    @property
    def spot(self) -> list[Rented]:
        return [one for one in self.up if one.place.spot and one.reclaim_at is None]

    async def survey(self) -> View:
        await self._answer()
        lag_s = LAG_S if self._faults.strikes("lagging_list", self.name) else 0.0
        with self._going_wrong(list_lag=lag_s), _as_transient():
            found = self.cloud.survey(self._clock.now())
        await self._answer()
        return View(enabled=True, found=tuple(one for one in found if one.node not in self._unreachable))

    async def launch(
        self, order: LaunchOrder, *, token: str, admissions: Mapping[str, Admission]
    ) -> tuple[Instance, ...]:
        await self._answer()
        if token not in self.cloud.state.outcomes:
            self.cloud.script = self._script_of_launch(order)
        try:
            with _as_transient():
                outcome = self.cloud.launch(order, token, self._clock.now())
        finally:
            self.cloud.script = self._calm
        self._may_haunt(order, token)
        instances = tuple(self._instance(node) for node in outcome.nodes)
        self._wake_in_time()
        await self._answer()
        if outcome.failure is not None:
            raise LaunchRefused(outcome.failure, instances)
        return instances

    async def look(self, node: str, instance: str) -> Sight:
        await self._answer()
        if node in self._unreachable:
            return Sight(InstanceState.UNKNOWN)
        with _as_transient():
            return Sight(*self.cloud.look(node, self._clock.now()))

    async def terminate(self, node: str, instance: str) -> datetime:
        await self._answer()
        if node in self._unreachable:
            raise Transient("the machine cannot be reached")
        machine = self.machines.get(node)
        with self._going_wrong(failed_terminates=self._stubborn.get(node, 0)), _as_transient():
            if machine is not None and machine.up and self._willing(node):
                self._onlooker.machine_ends(machine, by_us=True)
            ended_at = self.cloud.terminate(node, self._clock.now())
        self._end(node)
        await self._answer()
        return ended_at

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
        """A machine is gone, and nobody of us ended it; or it is out of reach for a while."""
        there = [one for one in self.up if one.node not in self._unreachable]
        if not there:
            return False
        node = strike.random.choice(there).node
        if self.knows:
            self._note(f"{strike.name}: machine {node[:8]} is gone")
            self._take_away(node, 0.0)
            return True
        lasts = strike.often_short(30.0, 120.0, 600.0)
        self._note(f"{strike.name}: machine {node[:8]} is out of reach for {lasts:.0f} s")
        self._unreachable.add(node)
        self._part(node, lasts)
        asyncio.get_running_loop().call_later(lasts, self._unreachable.discard, node)
        return True

    def reclaim_one(self, strike: Strike) -> bool:
        """A spot machine is taken away; in some infras, after a notice."""
        if not self.spot:
            return False
        node = strike.random.choice(self.spot).node
        notice_s = strike.random.choice((0.0, 2.0, 30.0, 120.0)) if self._watches else 0.0
        self._note(f"{strike.name}: machine {node[:8]} is reclaimed with {notice_s:.0f} s of notice")
        self._take_away(node, notice_s)
        return True

    def lose_a_place(self, strike: Strike) -> bool:
        """A zone or a region is gone for a while, with every machine in it."""
        if not self.knows or not self.up:
            return False
        place = strike.random.choice(self.up).place
        where = place.region if strike.random.random() < 0.3 else place.zone
        lasts = strike.often_short(10.0, 120.0, 600.0)
        self._note(f"{strike.name}: {where} is down for {lasts:.0f} s")
        now = self._clock.now()
        self.cloud.fail(where, now, now + timedelta(seconds=lasts))
        self._play()
        return True

    def throttle(self, strike: Strike) -> bool:
        lasts = strike.between(10.0, 120.0)
        self._note(f"{strike.name}: {self.name} answers few calls for {lasts:.0f} s")
        before = self._calm
        self._calm = _failing(before, throttle=Throttle(calls=1, every=10.0))
        self.cloud.script = self._calm
        asyncio.get_running_loop().call_later(lasts, self._unthrottle)
        return True

    def heal(self) -> None:
        self._unthrottle()
        self._unreachable.clear()
        self._stubborn.clear()
        self.cloud.heal(self._clock.now())

    def _unthrottle(self) -> None:
        self._calm = self.cloud.script = _failing(self._calm, throttle=None)

    # ---- how

    def _may_haunt(self, order: LaunchOrder, token: str) -> None:
        if (strike := self._faults.strikes("ghost", self.name)) is not None:
            ghost = derived_id("ghost", self.name, token, len(self.ghosts))
            self._note(f"{strike.name}: the launch brings {ghost[:8]} too, of which nobody knows")
            self.ghosts.add(ghost)
            self.cloud.launch(order.but(nodes=(ghost,)), ghost, self._clock.now())
            if ghost in self.cloud.machines:
                self._instance(ghost)

    def _script_of_launch(self, order: LaunchOrder) -> CloudScript:
        """What the script says while this is launched."""
        changes: dict[str, Any] = {}
        if (strike := self._faults.strikes("refusal", self.name)) is not None:
            changes |= self._refusal(order, strike)
        if (strike := self._faults.strikes("slow_boot", self.name)) is not None:
            takes = NEVER_S if strike.random.random() < 0.4 else strike.between(120.0, 420.0)
            self._note(f"{strike.name}: what is launched takes {takes:.0f} s to come up")
            changes |= {"boot": Boot(takes=takes)}
        if (strike := self._faults.strikes("stubborn", self.name)) is not None:
            self._stubborn |= dict.fromkeys(order.nodes, strike.random.randint(1, 4))
        return self._calm.model_copy(update=changes)

    def _refusal(self, order: LaunchOrder, strike: Strike) -> dict[str, Any]:
        place = order.place
        kind, scope = strike.random.choice(REFUSALS)
        where: dict[str, Any] = {
            "region": place.region,
            "zone": place.zone,
            "type": place.instance_type,
            "spot": place.spot,
        }
        if scope is not None:
            return {"refusals": (Refusal(kind=kind, says=scope, **where),)}
        left = self._running_at(place) + strike.random.randrange(len(order.nodes))
        return {
            "partial_gangs": True,
            "capacity": (Capacity(steps=(Step(at=0.0, nodes=left),), **where),),
        }

    def _running_at(self, place: Place) -> int:
        return sum(one.place == place for one in self.up)

    def _take_away(self, node: str, notice_s: float) -> None:
        self.cloud.reclaim(node, self._clock.now(), notice_s)
        self._play()

    def _instance(self, node: str) -> Instance:
        rented = self.cloud.machines[node]
        machine = self.machines.get(node)
        if machine is None:
            high, low = divmod(rented.number, 250)
            machine = self.machines[node] = Machine(
                node=node,
                instance=rented.name,
                room=rented.place.room,
                address=f"10.{1 if self.knows else 2}.{high}.{low + 1}",
                onlooker=self._onlooker,
            )
        return Instance(node=node, name=rented.name, address=machine.address, launched_at=rented.launched_at)

    def _play(self) -> None:
        """Let happen what is due, and wake for what comes next."""
        for happening in self.cloud.advance(self._clock.now()):
            machine = self.machines[happening.node]
            match happening:
                case Booted():
                    if happening.node not in self.ghosts:
                        self._on_boot(machine)
                case Ended(at=at):
                    if machine.up:
                        self._onlooker.machine_ends(machine, by_us=False)
                    self._end(happening.node)
                    self._tell(End(happening.node, machine.instance, at))
                case _:
                    notice = ReclaimNotice(happening.node, machine.instance, happening.at)
                    after_s = (happening.at - self._clock.now()).total_seconds()
                    self.told[happening.node] = Noticed(notice, after_s)
                    self._tell(notice)
        self._wake_in_time()

    def _wake_in_time(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        at = self.cloud.next_at(self._clock.now())
        if at is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at((at - EPOCH).total_seconds(), self._play)

    def _end(self, node: str) -> None:
        machine = self.machines.get(node)
        if machine is not None and machine.up:
            machine.die()

    def _willing(self, node: str) -> bool:
        return self.cloud.state.unwilling.get(node, 0) >= self._stubborn.get(node, 0)

    def _tell(self, news: End | ReclaimNotice) -> None:
        if self._watches:
            self._news.append(news)
            self._more_news.set()

    @contextmanager
    def _going_wrong(self, **faults: object) -> Generator[None]:
        """For the length of a call."""
        self.cloud.script = _failing(self._calm, **faults)
        try:
            yield
        finally:
            self.cloud.script = self._calm

    async def _answer(self) -> None:
        await asyncio.sleep(self._random.uniform(0.02, 1.0))
        if self._faults.strikes("cloud_error", self.name) is not None:
            raise Transient("the scripted infra does not answer")


def _failing(script: CloudScript, **faults: object) -> CloudScript:
    return script.model_copy(update={"faults": script.faults.model_copy(update=faults)})


@contextmanager
def _as_transient() -> Generator[None]:
    try:
        yield
    except CallFailed as error:
        raise Transient(str(error)) from error
