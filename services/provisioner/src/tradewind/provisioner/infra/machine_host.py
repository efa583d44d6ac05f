"""Machines as processes of this host: a folder each, a process that stands for the machine, and its burial.

What an infra needs whose nodes are local processes, whatever decides when they come and go. A machine
outlives us; its end is seen through a pidfd, so at once and without polling, also of machines that an earlier
process of ours started. Before a machine is held to be gone, all that is left of it is killed.
"""

import asyncio
import logging
import os
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from tradewind.common.contracts.node_file import NodeFile
from tradewind.common.contracts.values import Room
from tradewind.common.processes import ended as process_ended
from tradewind.common.processes import started_at
from tradewind.provisioner.infra.addresses import TAKING, free_address
from tradewind.provisioner.infra.driver import Admission
from tradewind.provisioner.infra.node_folder import Machine, NodeFolder
from tradewind.provisioner.infra.node_processes import Process, end_processes, processes_of, send

log = logging.getLogger(__name__)

MACHINE = (sys.executable, "-m", "tradewind.agent.machine")
"""Keeps the agent of the folder that it is given running; it ends when the agent ends by itself."""
GRACE_S = 5.0
"""For the agent of a node that is terminated; nothing is placed there any more."""


class MachineHost:
    """The machines of one infra. `nodes` is the folder of all nodes' folders, those of other infras too."""

    def __init__(self, nodes: Path, infra: str, *, machine: Sequence[str] = MACHINE) -> None:
        self._nodes = nodes
        self._infra = infra
        self._machine = machine
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._started: asyncio.Queue[NodeFolder] = asyncio.Queue()
        self._children: dict[int, subprocess.Popen[bytes]] = {}

    def lock(self, node: str) -> asyncio.Lock:
        """One of start, look, end and burial at a time. The methods below that say so want it held."""
        return self._locks[node]

    def folder(self, node: str) -> NodeFolder:
        return NodeFolder(self._nodes / node)

    def folders(self) -> list[NodeFolder]:
        return [one for one in NodeFolder.all_in(self._nodes) if one.infra() == self._infra]

    async def prepare(self, node: str, admission: Admission, *, workspace: str, room: Room) -> NodeFile:
        """Write what its agent will read; the address stays what it was. Hold the lock."""

        def write() -> NodeFile:
            folder = self.folder(node)
            told = folder.told()
            with TAKING:
                address = told.address if told is not None else self._free_address()
                told = NodeFile(
                    node=node,
                    workspace=workspace,
                    nats_url=admission.nats_url,
                    address=address,
                    room=room,
                    infra=self._infra,
                )
                folder.prepare(told, admission.credentials)
            return told

        return await asyncio.to_thread(write)

    async def start(self, folder: NodeFolder, launched_at: datetime | None = None) -> Machine:
        """The machine of a prepared folder, running; one that runs already is left alone. Hold the lock.

        `launched_at` is when its infra gave it; None: now.
        """
        machine = folder.machine()
        if machine is None or not folder.lives():
            await end_processes(folder.node)  # an interrupted start may have left one that nobody noted
            machine = await asyncio.to_thread(self._start, folder, launched_at)
            self._started.put_nowait(folder)
        return machine

    async def end(self, folder: NodeFolder) -> Machine | None:
        """Ask its agent to end, then bury it. Hold the lock."""
        return await self.bury(folder, await self._ask_to_end(folder))

    async def bury(self, folder: NodeFolder, running: Iterable[Process] = ()) -> Machine | None:
        """Kill all that runs of a node, and note when that was. None where no machine was ever noted.

        Hold the lock. `running` are processes of it that were seen before.
        """
        await end_processes(folder.node, running)
        machine = folder.machine()
        if machine is None:
            return None
        child = self._children.pop(machine.pid, None)
        if child is not None:
            child.poll()  # reaps it
        if machine.ended_at is None:
            machine = machine.but(ended_at=_now())
            folder.note(machine)
        return machine

    async def remove(self, folder: NodeFolder) -> None:
        """Delete what is left of a machine that has ended. Hold the lock."""
        await asyncio.to_thread(folder.remove)

    async def watch(self, ended: Callable[[NodeFolder, Machine], Awaitable[None]]) -> None:
        """Until cancelled, tell of each machine that ended and was buried since; of earlier ones first.

        Those that were removed meanwhile are not told of.
        """
        while not self._started.empty():
            self._started.get_nowait()  # it has a folder, as all have that were started before
        async with asyncio.TaskGroup() as group:
            for folder in self.folders():
                group.create_task(self._watch(folder, ended), name=f"watch {folder.node}")
            while True:
                folder = await self._started.get()
                group.create_task(self._watch(folder, ended), name=f"watch {folder.node}")

    async def _watch(
        self, folder: NodeFolder, ended: Callable[[NodeFolder, Machine], Awaitable[None]]
    ) -> None:
        machine = folder.machine()
        if machine is None:
            return  # it was never started, or that was interrupted and will be repeated
        await _until_dead(machine)
        async with self.lock(folder.node):
            if not folder.exists() or folder.lives():
                return  # removed, or started anew
            buried = await self.bury(folder)
        if buried is not None:
            await ended(folder, buried)

    def _free_address(self) -> str:
        taken = {told.address for one in NodeFolder.all_in(self._nodes) if (told := one.told())}
        return free_address(self._nodes, taken)

    def _start(self, folder: NodeFolder, launched_at: datetime | None) -> Machine:
        launched_at = launched_at or _now()
        child = folder.start(self._machine, os.environ)
        self._children[child.pid] = child
        machine = Machine(pid=child.pid, started=started_at(child.pid) or "", launched_at=launched_at)
        folder.note(machine)
        return machine

    async def _ask_to_end(self, folder: NodeFolder) -> list[Process]:
        """Give the agent time to end, and its machine after it. Returns what ran of the node before."""
        machine = folder.machine()
        if machine is None or not machine.is_alive():
            return []
        running = await processes_of(folder.node, [machine.process])
        agents = [process for process in running if process.parent == machine.pid]
        if any(send(agent, signal.SIGTERM) for agent in agents):
            await _until_dead(machine, GRACE_S)
        return running


async def _until_dead(machine: Machine, seconds: float | None = None) -> None:
    """Return when the machine has ended, or after `seconds`."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            if machine.is_alive():
                await process_ended(machine.pid)


def _now() -> datetime:
    return datetime.now(UTC)
