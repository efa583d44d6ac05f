"""The agents of all machines: started when a machine is up, and again after they died."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from tradewind.common.reactor.ports import Bus, Clock
from tradewind.simulator.faults import FaultPlan, Strike
from tradewind.simulator.line import Line, LinedBus, Outages, deaf_name, mute_name
from tradewind.simulator.machine import Machine
from tradewind.simulator.memory_bus import MemoryBus, MemoryServer
from tradewind.simulator.node_agent import NodeAgent, SimulatedConnection
from tradewind.simulator.process import Broke, Process
from tradewind.simulator.scripted_body import Scripts


@dataclass(slots=True)
class MachineClock:
    """A machine's own idea of the time."""

    clock: Clock
    fast_s: float = 0.0

    def now(self) -> datetime:
        return self.clock.now() + timedelta(seconds=self.fast_s)


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
        self._clocks: dict[str, MachineClock] = {}

    @property
    def living(self) -> list[str]:
        return [node for node, process in self.processes.items() if process.alive]

    def start(self, machine: Machine) -> None:
        if not machine.up:
            return
        self._boots += 1
        node = machine.node
        if node not in self._clocks:
            self._clocks[node] = MachineClock(self._clock)
            if (strike := self._faults.strikes("skew")) is not None:
                self._set_clock(node, strike)
        process = Process(f"agent/{node}", on_end=self._broke)
        line = Line(process, self._faults, self._outages)
        bus: Bus = LinedBus(MemoryBus(self._server), self._server, line)
        self._connections[node] = SimulatedConnection()
        agent = NodeAgent(
            machine,
            boot=self._boots,
            bus=bus,
            connection=self._connections[node],
            clock=self._clocks[node],
            random=Random(f"agent/{self._seed}/{self._boots}"),
            scripts=self._scripts,
        )
        self._machines[node] = machine
        self.processes[node] = process
        machine.on_death = process.kill
        process.start(agent.run())

    def crash_one(self, strike: Strike) -> bool:
        """Its processes live on; it comes back."""
        node = self._choose(strike)
        if node is None:
            return False
        self.processes[node].kill()
        self._machines[node].on_end = None
        delay = strike.often_short(0.5, 20.0, 200.0)
        self._note(f"{strike.name}: the agent of {node[:8]} crashes, and is back in {delay:.1f} s")
        asyncio.get_running_loop().call_later(delay, self.start, self._machines[node])
        return True

    def cut_off_one(self, strike: Strike) -> bool:
        """It runs on, and reaches nobody."""
        return self._part(strike, lambda process: process, "is cut off")

    def part(self, node: str, lasts_s: float) -> None:
        """The node is cut off for so long."""
        if node in self.processes:
            self._outages.begin(self.processes[node].name, lasts_s)
            self._tell(node, up=False)
            asyncio.get_running_loop().call_later(lasts_s, self._back, node)

    def mute_one(self, strike: Strike) -> bool:
        """It hears, and is not heard."""
        return self._part(strike, mute_name, "is not heard")

    def deafen_one(self, strike: Strike) -> bool:
        """It is heard, and does not hear."""
        return self._part(strike, deaf_name, "does not hear")

    def jump_a_clock(self, strike: Strike) -> bool:
        node = self._choose(strike)
        if node is None:
            return False
        self._set_clock(node, strike)
        return True

    def _choose(self, strike: Strike) -> str | None:
        return strike.random.choice(self.living) if self.living else None

    def _part(self, strike: Strike, outage_of: Callable[[str], str], what: str) -> bool:
        node = self._choose(strike)
        if node is None:
            return False
        lasts = strike.often_short(1.0, 30.0, 300.0)
        self._note(f"{strike.name}: the agent of {node[:8]} {what} for {lasts:.1f} s")
        self._outages.begin(outage_of(self.processes[node].name), lasts)
        self._tell(node, up=False)
        asyncio.get_running_loop().call_later(lasts, self._back, node)
        return True

    def _set_clock(self, node: str, strike: Strike) -> None:
        fast_s = strike.random.choice((-1, 1)) * strike.often_short(0.5, 5.0, 300.0)
        self._note(f"{strike.name}: the clock of {node[:8]} is {fast_s:.1f} s fast")
        self._clocks[node].fast_s = fast_s

    def tell_all(self, up: bool) -> None:
        """The bus is lost, or found again."""
        for node in self.living:
            self._tell(node, up=up)

    def _back(self, node: str) -> None:
        self._tell(node, up=True)

    def _tell(self, node: str, *, up: bool) -> None:
        if self.processes[node].alive:
            self._connections[node].tell(up=up)
