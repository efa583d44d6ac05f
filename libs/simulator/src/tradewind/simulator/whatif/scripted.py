"""The infras of a script, played on virtual machines: the `mock` infra's own cloud, in virtual time."""

import asyncio
from bisect import bisect_right
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from tradewind.agent.domain.notice import saving_s
from tradewind.common.contracts.rank import AllocationWant
from tradewind.common.hands import Transient
from tradewind.provisioner.contracts import Instance, LaunchOrder
from tradewind.provisioner.infra.driver import (
    Admission,
    Capabilities,
    Driver,
    End,
    LaunchRefused,
    ReclaimNotice,
    Sight,
    View,
)
from tradewind.provisioner.infra.mock.cloud import CallFailed, MockCloud
from tradewind.provisioner.infra.mock.script import CloudScript, Script
from tradewind.provisioner.infra.mock.state import Booted, CloudState, Ended, ReclaimNoticed, Rented
from tradewind.simulator.virtual_time import EPOCH, VirtualLoop
from tradewind.simulator.whatif.hosts import Hosts

SETTLES_S = 120.0
"""So long after it changed, an infra is still looked at: every survey is over then that missed it."""
GRACE_S: float = AllocationWant.model_fields["grace_s"].default


class VirtualCloud:
    """`provisioner.infra.driver.Driver` of one cloud. It wakes itself when its script has something to do."""

    capabilities = Capabilities(authoritative_liveness=True, multi_node=True)

    def __init__(self, cloud: MockCloud, *, hosts: Hosts, loop: VirtualLoop) -> None:
        self.cloud = cloud
        self.name = cloud.infra
        self.refusals: dict[str, int] = {}
        """By kind, how often a launch was refused."""
        self.changed_at = 0.0
        self.told: dict[str, datetime] = {}
        """By node, when it was told that it would be taken away."""
        self._hosts = hosts
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None
        self._happened: asyncio.Queue[End | ReclaimNotice] = asyncio.Queue()
        self._wake_in_time()

    async def survey(self) -> View:
        self._play()
        try:
            found = self.cloud.survey(self._now())
        except CallFailed as error:
            raise Transient(str(error)) from error
        return View(enabled=True, offers=self.cloud.offers(), found=found)

    async def launch(
        self, order: LaunchOrder, *, token: str, admissions: Mapping[str, Admission]
    ) -> tuple[Instance, ...]:
        self._play()
        try:
            outcome = self.cloud.launch(order, token, self._now())
        except CallFailed as error:
            raise Transient(str(error)) from error
        self._has_changed()
        if not outcome.answered:
            raise Transient("the answer to the launch was lost")
        instances = tuple(_instance(self.cloud.machines[node]) for node in outcome.nodes)
        if outcome.failure is not None:
            kind = outcome.failure.kind.value
            self.refusals[kind] = self.refusals.get(kind, 0) + 1
            raise LaunchRefused(outcome.failure, instances)
        return instances

    async def look(self, node: str, instance: str) -> Sight:
        self._play()
        try:
            return Sight(*self.cloud.look(node, self._now()))
        except CallFailed as error:
            raise Transient(str(error)) from error

    async def terminate(self, node: str, instance: str) -> datetime:
        self._play()
        try:
            ended_at = self.cloud.terminate(node, self._now())
        except CallFailed as error:
            raise Transient(str(error)) from error
        self._hosts.end(node)
        self._has_changed()
        return ended_at

    async def watch(self, tell: Callable[[End | ReclaimNotice], Awaitable[None]]) -> None:
        while True:
            await tell(await self._happened.get())

    def _play(self) -> None:
        """Let happen what is due."""
        now = self._now()
        for happening in self.cloud.advance(now):
            machine = self.cloud.machines[happening.node]
            match happening:
                case Booted():
                    self._hosts.boot(
                        machine.node,
                        instance=machine.name,
                        room=machine.place.room,
                        address=_address(machine),
                    )
                case ReclaimNoticed(at=at):
                    self.told[machine.node] = now
                    self._happened.put_nowait(ReclaimNotice(machine.node, machine.name, at))
                case Ended(at=at):
                    self._hosts.end(machine.node)
                    self._happened.put_nowait(End(machine.node, machine.name, at))
            self.changed_at = self._loop.time()

    def _has_changed(self) -> None:
        self.changed_at = self._loop.time()
        self._wake_in_time()

    def _wake_in_time(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        at = self.cloud.next_at(self._now())
        self._timer = None if at is None else self._loop.call_at(_seconds(at), self._wake)

    def _wake(self) -> None:
        self._play()
        self._wake_in_time()

    def _now(self) -> datetime:
        return EPOCH + timedelta(microseconds=round(self._loop.time() * 1e6))


class ScriptedInfras:
    """All clouds of a script."""

    def __init__(self, script: Script, *, seed: int, hosts: Hosts, loop: VirtualLoop) -> None:
        self.clouds = {
            infra: VirtualCloud(
                MockCloud(infra, cloud, seed=seed, state=CloudState(began_at=EPOCH)), hosts=hosts, loop=loop
            )
            for infra, cloud in script.by_infra().items()
        }
        self._loop = loop
        self._moments = sorted({moment for cloud in script.clouds.values() for moment in _moments(cloud)})

    @property
    def drivers(self) -> Mapping[str, Driver]:
        return self.clouds

    def changed(self, infra: str) -> bool:
        cloud = self.clouds[infra]
        lag_s = cloud.cloud.script.faults.list_lag
        return self._loop.time() - cloud.changed_at <= SETTLES_S + lag_s

    def may_change(self) -> bool:
        """Whether the script has something in store that may let in what was refused so far."""
        return bool(self._moments) and self._loop.time() <= self._moments[-1]

    def changed_by_script_at(self) -> float:
        """When it last did such a thing."""
        passed = bisect_right(self._moments, self._loop.time())
        return self._moments[passed - 1] if passed else 0.0

    def saved_at(self, nodes: Iterable[str], *, needs_s: float) -> float | None:
        """When the work on these nodes was saved since one of them was to be taken away; None: it was not."""
        notices = [notice for node in nodes if (notice := self._notice(node)) is not None]
        if not notices:
            return None
        told_at, reclaim_at = min(notices)
        in_time = saving_s(GRACE_S, (reclaim_at - told_at).total_seconds()) >= needs_s
        return _seconds(told_at) if in_time else None

    def ledger(self) -> list[Rented]:
        """Every machine, in the order of their launches."""
        machines = [one for cloud in self.clouds.values() for one in cloud.cloud.machines.values()]
        return sorted(machines, key=lambda one: (one.launched_at, one.place.infra, one.number))

    def _notice(self, node: str) -> tuple[datetime, datetime] | None:
        for cloud in self.clouds.values():
            machine = cloud.cloud.machines.get(node)
            if machine is not None and machine.reclaim_at is not None and node in cloud.told:
                return cloud.told[node], machine.reclaim_at
        return None


def _moments(script: CloudScript) -> Iterator[float]:
    """When the script changes what is to be had."""
    for outage in script.outages:
        yield outage.at + (outage.lasts or 0.0)
    for refusal in script.refusals:
        yield refusal.at + (refusal.lasts or 0.0)
    for capacity in script.capacity:
        yield from (step.at for step in capacity.steps)
    yield from (reclaim.at for reclaim in script.reclaims if reclaim.at is not None)


def _instance(machine: Rented) -> Instance:
    return Instance(
        node=machine.node, name=machine.name, address=_address(machine), launched_at=machine.launched_at
    )


def _address(machine: Rented) -> str:
    high, low = divmod(machine.number, 250)
    return f"10.{high // 250 % 250}.{high % 250}.{low + 1}"


def _seconds(moment: datetime) -> float:
    return (moment - EPOCH).total_seconds()
