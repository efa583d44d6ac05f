"""Every infra that there is a driver for, as the contract suite sees it: told to run, looked into, broken."""

import asyncio
import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.integration.provisioner.local_host import MACHINE, marked
from tests.unit.provisioner.mock.scripted import script
from tradewind.common.contracts.node_file import NodeCredentials
from tradewind.common.contracts.values import Place
from tradewind.provisioner.contracts import Instance, LaunchOrder
from tradewind.provisioner.infra.driver import Admission, Driver, End, ReclaimNotice
from tradewind.provisioner.infra.local import Limits, LocalDriver
from tradewind.provisioner.infra.mock.driver import MockDriver
from tradewind.provisioner.infra.node_folder import NodeFolder
from tradewind.simulator.cloud import Onlooker, ScriptedCloud
from tradewind.simulator.faults import FaultPlan, Rates
from tradewind.simulator.virtual_time import VirtualClock, VirtualLoop
from tradewind.simulator.virtual_time import run as run_virtually

Story = Callable[["Infra"], Coroutine[Any, Any, None]]

AT_MOST = 3
"""Nodes of one place: one more is refused."""


class Infra(ABC):
    """One infra, empty at first. `told` is what its watch has told so far."""

    driver: Driver

    def __init__(self, home: Path) -> None:
        self.home = home
        self.told: list[End | ReclaimNotice] = []
        self.nodes: set[str] = set()
        self._watching: asyncio.Task[None] | None = None

    @abstractmethod
    def runs(self, node: str) -> bool:
        """Whether anything of the node runs."""

    def is_up(self, node: str) -> bool:
        return self.runs(node)

    @abstractmethod
    def break_machine(self, node: str) -> None:
        """Somebody pulls the plug."""

    @abstractmethod
    def restart(self) -> None:
        """The provisioner has died, and is there again; nobody watches yet."""

    @abstractmethod
    def place(self) -> Place:
        """Where AT_MOST nodes can be had."""

    def run(self, story: Story) -> None:
        asyncio.run(self._told(story))

    async def launch(self, *nodes: str, token: str = "t") -> tuple[Instance, ...]:
        self.nodes |= set(nodes)
        order = LaunchOrder(cluster="c", claim="cl", workspace="w", place=self.place(), nodes=nodes)
        admissions = {
            node: Admission("nats://127.0.0.1:4222", NodeCredentials(user=f"node-{node}", password="p"))
            for node in nodes
        }
        return await self.driver.launch(order, token=token, admissions=admissions)

    async def up(self, *nodes: str) -> tuple[Instance, ...]:
        """Launched and running."""
        instances = await self.launch(*nodes)
        for node in nodes:
            await until(lambda node=node: self.is_up(node))
        return instances

    def watch(self) -> None:
        async def tell(news: End | ReclaimNotice) -> None:
            self.told.append(news)

        self._watching = asyncio.create_task(self.driver.watch(tell))

    async def stop_watching(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
            self._watching = None

    @property
    def ends(self) -> dict[str, End]:
        return {one.node: one for one in self.told if isinstance(one, End)}

    async def _told(self, story: Story) -> None:
        self.watch()
        try:
            await story(self)
        finally:
            await self.stop_watching()
            for node in self.nodes:
                for pid in marked(node):
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)


class OnThisHost(Infra):
    """Machines are processes."""

    def runs(self, node: str) -> bool:
        return bool(marked(node))

    def is_up(self, node: str) -> bool:
        return NodeFolder(self.home / "nodes" / node).lives()

    def break_machine(self, node: str) -> None:
        machine = NodeFolder(self.home / "nodes" / node).machine()
        assert machine is not None
        os.kill(machine.pid, signal.SIGKILL)


class Local(OnThisHost):
    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.restart()

    def restart(self) -> None:
        self.driver = LocalDriver(self.home / "nodes", Limits(nodes=AT_MOST, slots=4), machine=MACHINE)

    def place(self) -> Place:
        return self.driver._place  # type: ignore[attr-defined] # what its survey offers, without asking


class Mock(OnThisHost):
    """`more` are further keys of its script."""

    def __init__(self, home: Path, more: str = "") -> None:
        super().__init__(home)
        capacity = f"capacity: [{{zone: us-a, steps: [{{at: 0s, nodes: {AT_MOST}}}]}}]"
        text = capacity if "capacity:" not in more else ""
        self.script = script(f"{text}\n{more}")
        cloud = next(iter(self.script.by_infra().values()))
        self.cloud_script = cloud.model_copy(update={"boot": cloud.boot.model_copy(update={"takes": 0.1})})
        self.spot = False
        self.restart()

    def restart(self) -> None:
        self.mock = self.driver = MockDriver("mock", self.cloud_script, home=self.home, machine=MACHINE)

    def place(self) -> Place:
        return next(one for one in self.cloud_script.places("mock") if one.spot == self.spot)


class Scripted(Infra):
    """The simulator's, in virtual time, with nothing that goes wrong by itself."""

    cloud: ScriptedCloud

    def run(self, story: Story) -> None:
        async def virtually(loop: VirtualLoop) -> None:
            capacity = f"capacity: [{{zone: us-a, steps: [{{at: 0s, nodes: {AT_MOST}}}]}}]"
            self.cloud = self.driver = ScriptedCloud(
                "mock",
                next(iter(script(capacity).by_infra().values())),
                knows=True,
                seed=0,  # one of those with which it tells of ends by itself
                clock=VirtualClock(loop),
                faults=FaultPlan(1, Rates().only()),
                onlooker=Onlooker(),
                on_boot=lambda machine: None,
                part=lambda node, seconds: None,
                note=lambda text: None,
            )
            await self._told(story)

        run_virtually(virtually)

    def runs(self, node: str) -> bool:
        machine = self.cloud.machines.get(node)
        return machine is not None and machine.up

    def break_machine(self, node: str) -> None:
        self.cloud._take_away(node, 0.0)

    def restart(self) -> None:
        """It is outside of the provisioner."""

    def place(self) -> Place:
        return next(self.cloud.cloud.script.places("mock"))


async def until(true: Callable[[], bool | Awaitable[bool]], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while True:
            so = true()
            if so if isinstance(so, bool) else await so:
                return
            await asyncio.sleep(0.01)
