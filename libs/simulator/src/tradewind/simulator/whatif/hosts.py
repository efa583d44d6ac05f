"""The virtual machines of a what-if, with the agent of each: what an infra boots and takes away."""

from collections.abc import Callable
from random import Random

from tradewind.common.contracts.values import Fence, Room
from tradewind.common.reactor.ports import Clock
from tradewind.simulator.machine import Machine, Onlooker, Process, Script
from tradewind.simulator.memory_bus import MemoryBus, MemoryServer
from tradewind.simulator.node_agent import NodeAgent, SimulatedConnection
from tradewind.simulator.process import Process as Life

SILENT_S = 365 * 86_400.0
"""An agent speaks once: nobody waits for its next word here (see `calm`)."""


class Steady(Random):
    """No chance: what would be drawn from a range is its middle."""

    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2


class Hosts(Onlooker):
    """Boots machines, ends them, and runs an agent on each."""

    def __init__(
        self,
        *,
        server: MemoryServer,
        clock: Clock,
        scripts: Callable[[Fence], Script],
        began: Callable[[Machine, Process], None],
        ended: Callable[[Machine, Process], None],
        broke: Callable[[BaseException], None],
    ) -> None:
        self._server = server
        self._clock = clock
        self._scripts = scripts
        self._began = began
        self._ended = ended
        self._broke = broke
        self._machines: dict[str, Machine] = {}

    def boot(self, node: str, *, instance: str, room: Room, address: str) -> None:
        """A machine is up: its agent speaks."""
        machine = Machine(node=node, instance=instance, room=room, address=address, onlooker=self)
        self._machines[node] = machine
        self._start_agent(machine)

    def end(self, node: str) -> None:
        """The machine is gone, with all that ran on it."""
        machine = self._machines.pop(node, None)
        if machine is not None and machine.up:
            machine.die()

    def process_began(self, machine: Machine, process: Process) -> None:
        self._began(machine, process)

    def process_ended(self, machine: Machine, process: Process) -> None:
        self._ended(machine, process)

    def _start_agent(self, machine: Machine) -> None:
        life = Life(f"agent/{machine.node}", on_end=self._ended_by_itself)
        agent = NodeAgent(
            machine,
            boot=1,
            bus=MemoryBus(self._server),
            connection=SimulatedConnection(),
            clock=self._clock,
            random=Steady(),
            scripts=self._scripts,
            heartbeat_s=SILENT_S,
        )
        machine.on_death = life.kill
        life.start(agent.run())

    def _ended_by_itself(self, life: Life, error: BaseException | None) -> None:
        self._broke(error or RuntimeError(f"{life.name} ended"))
