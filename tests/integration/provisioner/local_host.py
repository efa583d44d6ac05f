"""A local driver over a stand-in for machine and agent, and what it leaves."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tradewind.common.contracts.node_file import NODE_ID_VARIABLE, NodeCredentials
from tradewind.common.contracts.values import Place, Room
from tradewind.common.processes import started_at
from tradewind.provisioner.contracts import Instance, LaunchOrder
from tradewind.provisioner.infra.driver import Admission, End, ReclaimNotice
from tradewind.provisioner.infra.local import Limits, LocalDriver
from tradewind.provisioner.infra.node_folder import NodeFolder

MACHINE = (sys.executable, str(Path(__file__).with_name("standin_machine.py")))


THREE = Limits(nodes=3, slots=4)


def marked(node: str) -> list[int]:
    """The living processes that bear the mark of a node."""
    mark = f"{NODE_ID_VARIABLE}={node}".encode()
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return [pid for pid in found if started_at(pid) is not None]


@dataclass
class Host:
    """One home's local infra. `restarted` is it after the death of its provisioner."""

    nodes: Path
    limits: Limits = THREE
    ends: list[tuple[End, float]] = field(default_factory=list)
    launched: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.driver = LocalDriver(self.nodes, self.limits, machine=MACHINE)

    def restarted(self) -> "Host":
        again = Host(self.nodes, self.limits)
        again.launched = self.launched
        return again

    def folder(self, node: str) -> NodeFolder:
        return NodeFolder(self.nodes / node)

    async def launch(self, *nodes: str) -> tuple[Instance, ...]:
        self.launched |= set(nodes)
        place = Place(infra="local", instance_type="local", room=Room(cpus=4, memory_gib=1), price_usd_h=0)
        order = LaunchOrder(cluster="c", claim="cl", workspace="w", place=place, nodes=nodes)
        admissions = {
            node: Admission("nats://127.0.0.1:4222", NodeCredentials(user=f"node-{node}", password="secret"))
            for node in nodes
        }
        return await self.driver.launch(order, token="t", admissions=admissions)

    async def up(self, *nodes: str) -> tuple[Instance, ...]:
        """Launched, and with an agent and its tasks."""
        instances = await self.launch(*nodes)
        for node in nodes:
            await until(
                lambda node=node: (self.nodes / node / "agent.up").exists() and len(marked(node)) >= 3
            )
        return instances

    async def watch(self) -> None:
        async def ended(end: End | ReclaimNotice) -> None:
            assert isinstance(end, End)
            self.ends.append((end, asyncio.get_running_loop().time()))

        await self.driver.watch(ended)

    def machine_pid(self, node: str) -> int:
        machine = self.folder(node).machine()
        assert machine is not None
        return machine.pid

    def clear(self) -> None:
        for node in self.launched:
            for pid in marked(node):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


async def until(true: Callable[[], bool], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - what other processes do is no event here
            await asyncio.sleep(0.01)
