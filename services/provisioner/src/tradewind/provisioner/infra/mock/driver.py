"""The infra `mock`: a scripted cloud says what is given, when and for how long; the machines are processes.

What survives a death of ours: the cloud's state is on the disk before anything comes of it (a folder, a
process, an answer). `watch` begins by setting right what was left in between: machines that should run and
were never started, processes of machines that have ended, folders that the cloud knows nothing of.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from tradewind.common.hands import Transient
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
from tradewind.provisioner.infra.machine_host import MACHINE, MachineHost
from tradewind.provisioner.infra.mock.cloud import TERMINATED, CallFailed, MockCloud
from tradewind.provisioner.infra.mock.script import CloudScript
from tradewind.provisioner.infra.mock.state import Booted, Ended, Happening, ReclaimNoticed, Rented
from tradewind.provisioner.infra.mock.state_file import StateFile
from tradewind.provisioner.infra.node_folder import Machine, NodeFolder

log = logging.getLogger(__name__)

Tell = Callable[[End | ReclaimNotice], Awaitable[None]]

BROKE = "its processes ended"


class MockDriver:
    """One cloud of a script. `home` is the installation's. Raises StateDamaged."""

    capabilities = Capabilities(authoritative_liveness=True, multi_node=True)

    def __init__(
        self, infra: str, script: CloudScript, *, home: Path, seed: int = 0, machine: Sequence[str] = MACHINE
    ) -> None:
        self.name = infra
        self._file = StateFile(home / "mock" / f"{infra}.jsonl")
        self.cloud = MockCloud(infra, script, seed=seed, state=self._file.load(script, _now()))
        self._host = MachineHost(home / "nodes", infra, machine=machine)
        self._happened: list[Happening] = []
        """What `watch` is still to act on."""
        self._stirred = asyncio.Event()

    async def survey(self) -> View:
        with self._called() as now:
            return View(enabled=True, offers=self.cloud.offers(), found=self.cloud.survey(now))

    async def launch(
        self, order: LaunchOrder, *, token: str, admissions: Mapping[str, Admission]
    ) -> tuple[Instance, ...]:
        with self._called() as now:
            outcome = self.cloud.launch(order, token, now)
        await self.save()
        came = [await self._prepare(node, order, admissions[node]) for node in outcome.nodes]
        if not outcome.answered:
            raise Transient(f"{self.name} did not answer a launch in time")
        if outcome.failure is not None:
            raise LaunchRefused(outcome.failure, tuple(came))
        return tuple(came)

    async def look(self, node: str, instance: str) -> Sight:
        with self._called() as now:
            state, ended_at = self.cloud.look(node, now)
        async with self._host.lock(node):
            folder = self._host.folder(node)
            if state is InstanceState.ALIVE and not _broke(folder):
                return Sight(state)
            await self._host.bury(folder)
        if state is InstanceState.ALIVE:
            ended_at = self.cloud.lose(node, _now(), BROKE)
            await self.save()
        return Sight(InstanceState.GONE, ended_at)

    async def terminate(self, node: str, instance: str) -> datetime:
        async with self._host.lock(node):
            with self._called() as now:
                ended_at = self.cloud.terminate(node, now)
            await self.save()
            folder = self._host.folder(node)
            await self._host.end(folder)
            await self._host.remove(folder)
        return ended_at

    async def watch(self, tell: Tell) -> None:
        async def broke(folder: NodeFolder, machine: Machine) -> None:
            await self._broke(folder.node, tell)

        await self._set_right(tell)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._host.watch(broke), name=f"machines of {self.name}")
            group.create_task(self._play(tell), name=f"script of {self.name}")

    async def save(self) -> None:
        """What the cloud has become is on the disk now, and acted upon soon."""
        self._stirred.set()
        await self._file.save(self.cloud.state)

    # The script.

    async def _play(self, tell: Tell) -> None:
        """Let come about what the script says, each at its time; and at once what others brought about."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._stirred.clear()
                self.advance()
                if self._happened:
                    happened, self._happened = self._happened, []
                    await self.save()
                    for one in happened:  # each by itself: telling may have to wait for the bus
                        group.create_task(self._act(one, tell))
                await self._until_next()

    async def _until_next(self) -> None:
        now = _now()
        at = self.cloud.next_at(now)
        with suppress(TimeoutError):
            async with asyncio.timeout(None if at is None else max((at - now).total_seconds(), 0)):
                await self._stirred.wait()

    async def _act(self, happened: Happening, tell: Tell) -> None:
        machine = self.cloud.machines[happened.node]
        match happened:
            case Booted():
                async with self._host.lock(machine.node):
                    await self._start_if_due(machine.node)
            case ReclaimNoticed():
                log.warning("%s of %s will be taken away at %s", machine.name, self.name, happened.at)
                await tell(ReclaimNotice(node=machine.node, instance=machine.name, at=happened.at))
            case Ended():
                log.warning("%s of %s ended: %s", machine.name, self.name, machine.why)
                await self._bury(machine, tell)

    def advance(self) -> datetime:
        """Let the cloud come to the present moment; `watch` acts on what happened when it is next stirred."""
        now = _now()
        self._happened += self.cloud.advance(now)
        return now

    @contextmanager
    def _called(self) -> Generator[datetime]:
        """A call to the cloud, which has come to the present moment. Raises Transient for one that fails."""
        now = self.advance()
        if self._happened:
            self._stirred.set()
        try:
            yield now
        except CallFailed as why:
            raise Transient(str(why)) from None

    # Machines.

    async def _prepare(self, node: str, order: LaunchOrder, admission: Admission) -> Instance:
        """Its folder, at once; its process once it has booted, if it is still there by then."""
        machine = self.cloud.machines[node]
        async with self._host.lock(node):
            if machine.removed_at is not None:
                address = ""  # launched, and ended and removed before this repetition of the launch
            else:
                told = await self._host.prepare(
                    node, admission, workspace=order.workspace, room=machine.place.room
                )
                address = told.address
                await self._start_if_due(node)
        return Instance(node=node, name=machine.name, address=address, launched_at=machine.launched_at)

    async def _start_if_due(self, node: str) -> None:
        """Start a machine that is up and never was started. Hold its lock."""
        machine, folder = self.cloud.machines[node], self._host.folder(node)
        if machine.up and machine.booted and folder.told() is not None and folder.machine() is None:
            await self._host.start(folder, machine.launched_at)

    async def _bury(self, machine: Rented, tell: Tell) -> None:
        async with self._host.lock(machine.node):
            await self._host.bury(self._host.folder(machine.node))
        if machine.ended_at is not None:
            await tell(End(node=machine.node, instance=machine.name, at=machine.ended_at))

    async def _broke(self, node: str, tell: Tell) -> None:
        """Its processes ended, and the cloud had nothing to do with it."""
        if self.cloud.lose(node, _now(), BROKE) is not None:
            await self.save()
            await self._bury(self.cloud.machines[node], tell)

    async def _set_right(self, tell: Tell) -> None:
        """What a process of ours left undone when it died; what it may have told is told again."""
        for folder in self._host.folders():
            machine = self.cloud.machines.get(folder.node)
            if machine is None or machine.removed_at is not None:
                async with self._host.lock(folder.node):
                    await self._host.bury(folder)
                    await self._host.remove(folder)
        for machine in list(self.cloud.machines.values()):
            if machine.up:
                async with self._host.lock(machine.node):
                    await self._start_if_due(machine.node)
                if machine.noticed and machine.reclaim_at is not None:
                    await tell(ReclaimNotice(machine.node, machine.name, machine.reclaim_at))
            elif machine.removed_at is None and machine.why != TERMINATED:
                await self._bury(machine, tell)


def _broke(folder: NodeFolder) -> bool:
    """It was started, and does not run."""
    return folder.machine() is not None and not folder.lives()


def _now() -> datetime:
    return datetime.now(UTC)
