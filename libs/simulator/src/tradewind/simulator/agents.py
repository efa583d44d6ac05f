"""The agents of all machines: started when a machine is up, and again after they died."""

import asyncio
from collections.abc import Callable
from random import Random

from tradewind.common.reactor.ports import Bus, Clock
from tradewind.simulator.faults import FaultPlan
from tradewind.simulator.line import Line, LinedBus, Outages
from tradewind.simulator.machine import Machine
from tradewind.simulator.memory_bus import MemoryBus, MemoryServer
from tradewind.simulator.node_agent import NodeAgent, SimulatedConnection
from tradewind.simulator.process import Broke, Process
from tradewind.simulator.scripted_body import Scripts


class Agents:
    """`scripts` tells how the processes of a rank behave; `broke` hears of an agent that ended by itself."""

    def __init__(
        self,
        *,
        seed: int,
        server: MemoryServer,
        clock: Clock,
        faults: FaultPlan,
        outages: Outages,
        scripts: Scripts,
        note: Callable[[str], None],
        broke: Broke,
    ) -> None:
        self._seed = seed
        self._server = server
        self._clock = clock
        self._faults = faults
        self._outages = outages
        self._scripts = scripts
        self._note = note
        self._broke = broke
        self._boots = 0
        self._machines: dict[str, Machine] = {}
        self.processes: dict[str, Process] = {}
        """By node, the last life of its agent."""
        self._connections: dict[str, SimulatedConnection] = {}

    @property
    def living(self) -> list[str]:
        return [node for node, process in self.processes.items() if process.alive]

    def start(self, machine: Machine) -> None:
        if not machine.up:
            return
        self._boots += 1
        node = machine.node
        process = Process(f"agent/{node}", on_end=self._broke)
        line = Line(process, self._faults, self._outages)
        bus: Bus = LinedBus(MemoryBus(self._server), self._server, line)
        self._connections[node] = SimulatedConnection()
        agent = NodeAgent(
            machine,
            boot=self._boots,
            bus=bus,
            connection=self._connections[node],
            clock=self._clock,
            random=Random(f"agent/{self._seed}/{self._boots}"),
            scripts=self._scripts,
        )
        self._machines[node] = machine
        self.processes[node] = process
        machine.on_death = process.kill
        process.start(agent.run())

    def crash_one(self) -> bool:
        """Its processes live on; it comes back."""
        if not self.living:
            return False
        node = self._faults.random.choice(self.living)
        self.processes[node].kill()
        self._machines[node].on_end = None
        delay = self._faults.often_short(0.5, 20.0, 200.0)
        self._note(f"the agent of {node[:8]} crashes, and is back in {delay:.1f} s")
        asyncio.get_running_loop().call_later(delay, self.start, self._machines[node])
        return True

    def cut_off_one(self) -> bool:
        """It runs on, and reaches nobody."""
        if not self.living:
            return False
        node = self._faults.random.choice(self.living)
        lasts = self._faults.often_short(1.0, 30.0, 300.0)
        self._note(f"the agent of {node[:8]} is cut off for {lasts:.1f} s")
        self._outages.begin(self.processes[node].name, lasts)
        self._tell(node, up=False)
        asyncio.get_running_loop().call_later(lasts, self._back, node)
        return True

    def tell_all(self, up: bool) -> None:
        """The bus is lost, or found again."""
        for node in self.living:
            self._tell(node, up=up)

    def _back(self, node: str) -> None:
        self._tell(node, up=True)

    def _tell(self, node: str, *, up: bool) -> None:
        if self.processes[node].alive:
            self._connections[node].tell(up=up)
