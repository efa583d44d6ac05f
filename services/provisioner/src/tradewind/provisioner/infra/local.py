"""The infra `local`: nodes are folders of this host's home, each with a process that stands for its machine.

A node lives as long as its machine does. Its end is seen through a pidfd, so at once and without polling,
also of machines that an earlier process of ours started. Before a node is said to be gone, all that is left
of it is killed.
"""

import asyncio
import hashlib
import logging
import os
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tradewind.common.contracts.node import OwnOffer
from tradewind.common.contracts.node_file import NodeFile
from tradewind.common.contracts.values import Failure, FailureKind, Place, Room, Scope
from tradewind.common.processes import ended as process_ended
from tradewind.common.processes import started_at
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
from tradewind.provisioner.infra.node_folder import Machine, NodeFolder, is_alive
from tradewind.provisioner.infra.node_processes import Process, end_processes, processes_of, send

log = logging.getLogger(__name__)

MACHINE = (sys.executable, "-m", "tradewind.agent.machine")
"""Keeps the agent of the folder that it is given running; it ends when the agent ends by itself."""
NODES = 2
"""So that a task of two nodes runs as it comes, and a named cluster leaves room for jobs."""
GRACE_S = 5.0
"""For the agent of a node that is terminated; nothing is placed there any more."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of this host is given to nodes."""

    nodes: int
    slots: int
    """CPUs that each node says it has; they may well exceed the host's."""

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> "Limits":
        """TRADEWIND_LOCAL_NODES and TRADEWIND_LOCAL_SLOTS. Raises ValueError."""
        return cls(
            nodes=_count(environ, "TRADEWIND_LOCAL_NODES", NODES),
            slots=_count(environ, "TRADEWIND_LOCAL_SLOTS", os.cpu_count() or 1),
        )


class LocalDriver:
    """`nodes` is the folder of the nodes' folders."""

    name = "local"
    capabilities = Capabilities(authoritative_liveness=True, multi_node=True)

    def __init__(self, nodes: Path, limits: Limits, *, machine: Sequence[str] = MACHINE) -> None:
        self._nodes = nodes
        self._limits = limits
        self._machine = machine
        self._place = Place(
            infra=self.name,
            instance_type="local",
            room=Room(cpus=limits.slots, memory_gib=round(_memory_gib() / limits.nodes, 2)),
            price_usd_h=0.0,
        )
        self._launching = asyncio.Lock()
        """Counts and addresses are taken one launch at a time."""
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        """By node: one of launch, look, terminate and burial at a time."""
        self._started: asyncio.Queue[NodeFolder] = asyncio.Queue()
        self._children: dict[int, subprocess.Popen[bytes]] = {}

    async def survey(self) -> View:
        if sys.platform != "linux":
            return View(enabled=False, why="local nodes need Linux: their processes are found through /proc")
        folders = NodeFolder.all_in(self._nodes)
        found = tuple(Found(node=one.node, name=one.node, alive=one.is_up()) for one in folders)
        in_use = sum(one.alive for one in found)
        offer = OwnOffer(place=self._place, max_nodes=self._limits.nodes, in_use=in_use)
        return View(enabled=True, offers=(offer,), found=found)

    async def launch(
        self, order: LaunchOrder, *, token: str, admissions: Mapping[str, Admission]
    ) -> tuple[Instance, ...]:
        """The nodes' ids follow from the token, so their folders are what shows that it was done already."""
        async with self._launching:
            taken = {one.node for one in NodeFolder.all_in(self._nodes) if one.is_up()}
            if len(taken | set(order.nodes)) > self._limits.nodes:
                raise LaunchRefused(self._full(len(order.nodes), len(taken)))
            instances = [await self._up(order, node, admissions[node]) for node in order.nodes]
        return tuple(instances)

    async def look(self, node: str, instance: str) -> Sight:
        folder = NodeFolder(self._nodes / node)
        async with self._locks[node]:
            if folder.lives():
                return Sight(InstanceState.ALIVE)
            buried = await self._bury(folder)
        return Sight(InstanceState.GONE, buried.ended_at if buried is not None else None)

    async def terminate(self, node: str, instance: str) -> datetime:
        folder = NodeFolder(self._nodes / node)
        async with self._locks[node]:
            running = await self._ask_to_end(folder)
            buried = await self._bury(folder, running)
            await asyncio.to_thread(folder.remove)
        return (buried.ended_at if buried is not None else None) or _now()

    async def watch(self, tell: Callable[[End | ReclaimNotice], Awaitable[None]]) -> None:
        while not self._started.empty():
            self._started.get_nowait()  # it has a folder, as all have that were launched before
        async with asyncio.TaskGroup() as group:
            for folder in NodeFolder.all_in(self._nodes):
                group.create_task(self._watch(folder, tell), name=f"watch {folder.node}")
            while True:
                folder = await self._started.get()
                group.create_task(self._watch(folder, tell), name=f"watch {folder.node}")

    async def _watch(self, folder: NodeFolder, tell: Callable[[End], Awaitable[None]]) -> None:
        machine = folder.machine()
        if machine is None:
            return  # its launch was interrupted, and will be repeated
        await _until_dead(machine)
        async with self._locks[folder.node]:
            if not folder.exists() or folder.lives():
                return  # terminated, or launched anew
            buried = await self._bury(folder)
        if buried is not None and buried.ended_at is not None:
            log.warning("the machine of node %s ended (process %d)", folder.node, buried.pid)
            await tell(End(node=folder.node, instance=folder.node, at=buried.ended_at))

    async def _up(self, order: LaunchOrder, node: str, admission: Admission) -> Instance:
        folder = NodeFolder(self._nodes / node)
        async with self._locks[node]:
            machine, told = folder.machine(), folder.told()
            if machine is None or told is None or not is_alive(machine):
                if folder.exists():  # an interrupted launch may have left a machine that nobody noted
                    await end_processes(node)
                told = NodeFile(
                    node=node,
                    workspace=order.workspace,
                    nats_url=admission.nats_url,
                    address=told.address if told is not None else self._free_address(),
                    room=self._place.room,
                )
                machine = await asyncio.to_thread(self._start, folder, told, admission)
                self._started.put_nowait(folder)
        return Instance(node=node, name=node, address=told.address, launched_at=machine.launched_at)

    def _start(self, folder: NodeFolder, told: NodeFile, admission: Admission) -> Machine:
        folder.prepare(told, admission.credentials)
        launched_at = _now()
        child = folder.start(self._machine, os.environ)
        self._children[child.pid] = child
        machine = Machine(pid=child.pid, started=started_at(child.pid) or "", launched_at=launched_at)
        folder.note(machine)
        return machine

    async def _ask_to_end(self, folder: NodeFolder) -> list[Process]:
        """Give the agent time to end, and its machine after it. Returns what ran of the node before."""
        machine = folder.machine()
        if machine is None or not is_alive(machine):
            return []
        running = await processes_of(folder.node, [machine.process])
        agents = [process for process in running if process.parent == machine.pid]
        if any(send(agent, signal.SIGTERM) for agent in agents):
            await _until_dead(machine, GRACE_S)
        return running

    async def _bury(self, folder: NodeFolder, running: Iterable[Process] = ()) -> Machine | None:
        """End all that runs of a node, and note when that was. None where no machine was ever noted."""
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

    def _full(self, wanted: int, taken: int) -> Failure:
        return Failure(
            kind=FailureKind.CAPACITY,
            scope=Scope.INFRA,
            message=f"{wanted} local nodes are wanted, {taken} of {self._limits.nodes} are in use; "
            "set TRADEWIND_LOCAL_NODES to have more",
        )

    def _free_address(self) -> str:
        taken = {told.address for one in NodeFolder.all_in(self._nodes) if (told := one.told()) is not None}
        return next(address for address in _addresses(self._nodes) if address not in taken)


async def _until_dead(machine: Machine, seconds: float | None = None) -> None:
    """Return when the machine has ended, or after `seconds`."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            if is_alive(machine):
                await process_ended(machine.pid)


def _addresses(nodes: Path) -> Iterator[str]:
    """Loopback addresses. Each home begins elsewhere, so that tasks of two homes rarely meet on a port."""
    first = int.from_bytes(hashlib.sha256(str(nodes.absolute()).encode()).digest()[:2])
    for ordinal in range(2**16):
        high, low = divmod((first + ordinal) % 2**16, 2**8)
        if high and low not in {0, 255}:
            yield f"127.0.{high}.{low}"


def _memory_gib() -> float:
    """Of this host, or of the container that we are in (cgroup v2)."""
    host = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
    except OSError:
        limit = "max"
    return min(host, int(limit) if limit.isdigit() else host) / 2**30


def _count(environ: Mapping[str, str], name: str, default: int) -> int:
    value = environ.get(name) or str(default)
    if not value.isdigit() or int(value) < 1:
        raise ValueError(f"{name} is {value!r}: write a whole number from 1 up")
    return int(value)


def _now() -> datetime:
    return datetime.now(UTC)
