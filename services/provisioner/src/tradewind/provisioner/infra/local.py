"""The infra `local`: so many nodes of this host, for nothing. Each lives as long as its machine does."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tradewind.common.contracts.node import OwnOffer
from tradewind.common.contracts.values import Failure, FailureKind, Place, Room, Scope
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
from tradewind.provisioner.infra.machine_host import MACHINE, MachineHost
from tradewind.provisioner.infra.node_folder import Machine, NodeFolder

NODES = 2
"""So that a task of two nodes runs as it comes, and a named cluster leaves room for jobs."""


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
        self._host = MachineHost(nodes, self.name, machine=machine)
        self._limits = limits
        self._place = Place(
            infra=self.name,
            instance_type="local",
            room=Room(cpus=limits.slots, memory_gib=round(_memory_gib() / limits.nodes, 2)),
            price_usd_h=0.0,
        )
        self._launching = asyncio.Lock()
        """Nodes are counted one launch at a time."""

    async def survey(self) -> View:
        if sys.platform != "linux":
            return View(enabled=False, why="local nodes need Linux: their processes are found through /proc")
        folders = self._host.folders()
        found = tuple(Found(node=one.node, name=one.node, alive=one.is_up()) for one in folders)
        in_use = sum(one.alive for one in found)
        offer = OwnOffer(place=self._place, max_nodes=self._limits.nodes, in_use=in_use)
        return View(enabled=True, offers=(offer,), found=found)

    async def launch(
        self, order: LaunchOrder, *, token: str, admissions: Mapping[str, Admission]
    ) -> tuple[Instance, ...]:
        """The nodes' ids follow from the token, so their folders are what shows that it was done already."""
        async with self._launching:
            taken = {one.node for one in self._host.folders() if one.is_up()}
            if len(taken | set(order.nodes)) > self._limits.nodes:
                raise LaunchRefused(self._full(len(order.nodes), len(taken)))
            instances = [await self._up(order, node, admissions[node]) for node in order.nodes]
        return tuple(instances)

    async def look(self, node: str, instance: str) -> Sight:
        folder = self._host.folder(node)
        async with self._host.lock(node):
            if folder.lives():
                return Sight(InstanceState.ALIVE)
            buried = await self._host.bury(folder)
        return Sight(InstanceState.GONE, buried.ended_at if buried is not None else None)

    async def terminate(self, node: str, instance: str) -> datetime:
        folder = self._host.folder(node)
        async with self._host.lock(node):
            ended = await self._host.end(folder)
            await self._host.remove(folder)
        return (ended.ended_at if ended is not None else None) or datetime.now(UTC)

    async def watch(self, tell: Callable[[End | ReclaimNotice], Awaitable[None]]) -> None:
        async def ended(folder: NodeFolder, machine: Machine) -> None:
            if machine.ended_at is not None:
                await tell(End(node=folder.node, instance=folder.node, at=machine.ended_at))

        await self._host.watch(ended)

    async def _up(self, order: LaunchOrder, node: str, admission: Admission) -> Instance:
        folder = self._host.folder(node)
        async with self._host.lock(node):
            told, machine = folder.told(), folder.machine()
            if told is None or machine is None or not folder.lives():
                told = await self._host.prepare(
                    node, admission, workspace=order.workspace, room=self._place.room
                )
                machine = await self._host.start(folder)
        return Instance(node=node, name=node, address=told.address, launched_at=machine.launched_at)

    def _full(self, wanted: int, taken: int) -> Failure:
        return Failure(
            kind=FailureKind.CAPACITY,
            scope=Scope.INFRA,
            message=f"{wanted} local nodes are wanted, {taken} of {self._limits.nodes} are in use; "
            "set TRADEWIND_LOCAL_NODES to have more",
        )


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
