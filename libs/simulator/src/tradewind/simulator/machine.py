"""A machine of the scripted world: its room, the processes that run on it, and what lies on its disk.

The processes are scripts: so long to fetch, so long to set up, so long to run, this exit code. They live on while their
agent is dead, and die with the machine.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from tradewind.agent.domain.model import Holding
from tradewind.common.contracts.rank import RankSaid
from tradewind.common.contracts.values import Fence, Room, Share


class Work(StrEnum):
    """What a body does for a rank."""

    FETCH = "fetch"
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


@dataclass(slots=True)
class Body:
    """One process, alive or ended."""

    fence: Fence
    work: Work
    share: Share
    started_at: float
    ends: asyncio.TimerHandle | None = None
    code: int | None = None
    """Once it has ended."""

    @property
    def alive(self) -> bool:
        return self.code is None


class Onlooker:
    """Sees processes begin and end. The world's invariants are one."""

    def body_began(self, machine: "Machine", body: Body) -> None: ...

    def body_ended(self, machine: "Machine", body: Body) -> None: ...


@dataclass(eq=False)
class Machine:
    """`node` is what the control plane calls it, `instance` what the infra does."""

    node: str
    instance: str
    room: Room
    address: str
    onlooker: Onlooker
    up: bool = True
    bodies: dict[tuple[Fence, Work], Body] = field(default_factory=dict[tuple[Fence, Work], Body])
    journal: dict[str, Holding] = field(default_factory=dict[str, Holding])
    """What its agent has written down, by job."""
    unsaid: list[RankSaid] = field(default_factory=list[RankSaid])
    """What the agent has to say and the bus has not taken yet; written down too."""
    on_death: Callable[[], None] | None = None
    """Kills the agent on it."""
    on_end: Callable[[Body], None] | None = None
    """The agent that waits for its processes; None while there is none."""

    def begin(self, fence: Fence, work: Work, *, share: Share, seconds: float, code: int) -> None:
        """Start a process, unless it was started before."""
        if not self.up or (fence, work) in self.bodies:
            return
        loop = asyncio.get_running_loop()
        body = Body(fence, work, share, loop.time())
        body.ends = loop.call_later(seconds, self.end, body, code)
        self.bodies[fence, work] = body
        self.onlooker.body_began(self, body)

    def end(self, body: Body, code: int) -> None:
        if not body.alive:
            return
        body.code = code
        if body.ends is not None:
            body.ends.cancel()
        self.onlooker.body_ended(self, body)
        if self.up and self.on_end is not None:
            self.on_end(body)

    def stop(self, fence: Fence, *, grace_s: float, ignores_term: bool) -> bool:
        """SIGTERM now and SIGKILL later. Whether there was anything to stop."""
        alive = [body for body in self.bodies.values() if body.fence == fence and body.alive]
        for body in alive:
            delay, code = (grace_s, 137) if ignores_term else (0.05, 143)
            asyncio.get_running_loop().call_later(delay, self.end, body, code)
        return bool(alive)

    def die(self) -> None:
        """The machine is gone, with all that ran on it and all that lay on it."""
        self.up = False
        self.on_end = None
        if self.on_death is not None:
            self.on_death()
        for body in self.bodies.values():
            self.end(body, 137)
