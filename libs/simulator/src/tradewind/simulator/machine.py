"""A machine of the scripted world: its room, the processes that run on it, and what lies on its disk.

The processes are scripts: so long to set up, so long to run, this exit code. They live on while their agent
is dead, and die with the machine.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from tradewind.agent.journal import Record
from tradewind.common.contracts.values import Fence, Room, Share


class Part(StrEnum):
    """What a process does for its rank."""

    SETUP = "setup"
    RUN = "run"


@dataclass(frozen=True, slots=True)
class Script:
    """How the processes of a job behave. Times in seconds."""

    fetch_s: float = 0.1
    setup_s: float = 1.0
    run_s: float = 10.0
    setup_code: int = 0
    run_code: int = 0
    fails_first: int = 0
    """So many runs of rank 0 end with code 1 before `run_code` has its turn."""
    ignores_term: bool = False
    saves_in_s: float = 0.0
    """How long its `on_reclaim` commands take; 0 if it has none."""


@dataclass(slots=True)
class Process:
    """What the kernel would call one, alive or ended."""

    fence: Fence
    part: Part
    share: Share
    ends: asyncio.TimerHandle | None = None
    code: int | None = None
    """Once it has ended."""

    @property
    def alive(self) -> bool:
        return self.code is None


class Onlooker:
    """Sees processes begin and end. The world is one."""

    def process_began(self, machine: "Machine", process: Process) -> None: ...

    def process_stops(self, machine: "Machine", process: Process) -> None: ...

    def process_ended(self, machine: "Machine", process: Process) -> None: ...


@dataclass(eq=False)
class Machine:
    """`node` is what the control plane calls it, `instance` what the infra does."""

    node: str
    instance: str
    room: Room
    address: str
    onlooker: Onlooker
    up: bool = True
    processes: dict[tuple[Fence, Part], Process] = field(default_factory=dict[tuple[Fence, Part], Process])
    folders: dict[Fence, bool] = field(default_factory=dict[Fence, bool])
    """The ranks that have a folder, and whether all was fetched into it."""
    stopping: set[Fence] = field(default_factory=set[Fence])
    """The ranks whose processes were sent SIGTERM."""
    saving: set[Fence] = field(default_factory=set[Fence])
    """The ranks that were let save their work: their `on_reclaim` commands have had their turn."""
    journal: list[Record] = field(default_factory=list[Record])
    """What its agent has written down."""
    on_death: Callable[[], None] | None = None
    """Kills the agent on it."""
    on_end: Callable[[Process], None] | None = None
    """The agent that waits for the ends of processes; None while there is none."""

    def begin(self, fence: Fence, part: Part, *, share: Share, seconds: float, code: int) -> Process:
        """Start a process."""
        process = Process(fence, part, share)
        process.ends = asyncio.get_running_loop().call_later(seconds, self.end, process, code)
        self.processes[fence, part] = process
        self.onlooker.process_began(self, process)
        return process

    def end(self, process: Process, code: int) -> None:
        if not process.alive:
            return
        process.code = code
        if process.ends is not None:
            process.ends.cancel()
        self.onlooker.process_ended(self, process)
        if self.up and self.on_end is not None:
            self.on_end(process)

    def stop(self, process: Process, *, grace_s: float, ignores_term: bool) -> None:
        """SIGTERM now, and SIGKILL later if that is ignored."""
        delay, code = (grace_s, 137) if ignores_term else (0.05, 143)
        asyncio.get_running_loop().call_later(delay, self.end, process, code)

    def die(self) -> None:
        """The machine is gone, with all that ran on it and all that lay on it."""
        self.up = False
        self.on_end = None
        if self.on_death is not None:
            self.on_death()
        for process in self.processes.values():
            self.end(process, 137)
