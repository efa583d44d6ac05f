"""Jobs controller, scheduler and optimizer as their leaders would run them, between scripted infra and
agents.

Nothing happens by itself: whoever plays decides which message is read next, or never, and which process goes
on.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from tradewind.catalog import Offer
from tradewind.common.contracts.allocation import CapacityPhase, ClaimPhase
from tradewind.common.contracts.envelope import Envelope
from tradewind.common.contracts.job import ENDED_RANK_PHASES, RankPhase
from tradewind.common.contracts.node import (
    ENDED_NODE_PHASES,
    DrainNode,
    InfraLevel,
    InfraRestated,
    InfraSurveyed,
    NodeDraining,
    NodeEvent,
    NodeLevel,
    NodeLost,
    NodePhase,
    NodeReady,
    NodeReclaimNoticed,
    NodeRestated,
    NodeTerminated,
    RestateNode,
)
from tradewind.common.contracts.placement import PlacementPhase
from tradewind.common.contracts.rank import AllocationWant, Goal, RankSaid
from tradewind.common.contracts.registry import Command, Event, Message
from tradewind.common.contracts.values import Fence, Place
from tradewind.common.reactor.aggregate import Aggregate, Ref
from tradewind.common.reactor.fold import fold_batch
from tradewind.common.reactor.wiring import Alarm, Wiring
from tradewind.jobs_controller.domain.model import Job
from tradewind.jobs_controller.wiring import wiring as jobs_controller
from tradewind.optimizer.domain.model import Placement
from tradewind.optimizer.domain.plan import Broker
from tradewind.optimizer.wiring import wiring as optimizer
from tradewind.scheduler.domain.model import Allocation, Capacity, Claim
from tradewind.scheduler.wiring import wiring as scheduler

A = TypeVar("A", bound=Aggregate)

START = datetime(2026, 1, 1, tzinfo=UTC)


class UnsafeStart(AssertionError):
    """A process began while another still lived that must not live beside it (design.md §2)."""


def offer(region: str, price_usd_h: float) -> Offer:
    return Offer(
        infra="cloud",
        region=region,
        zone=None,
        instance_type="m",
        vcpus=4,
        memory_gib=16,
        arch="x86_64",
        accelerator=None,
        accelerator_count=0,
        price_usd_h=price_usd_h,
        spot_usd_h=None,
        source="test",
    )


@dataclass
class Service:
    """Its rows and what it has not read yet."""

    wiring: Wiring
    rows: dict[Ref, Aggregate] = field(default_factory=dict[Ref, Aggregate])
    unread: deque[Envelope] = field(default_factory=deque[Envelope])

    def __post_init__(self) -> None:
        self.planner = self.wiring.planner(()) if self.wiring.planner is not None else None


@dataclass
class Machine:
    """A node with its agent: what it is wanted to run, and what it runs."""

    level: NodeLevel
    wants: dict[str, AllocationWant] = field(default_factory=dict[str, AllocationWant])
    ranks: dict[Fence, RankPhase] = field(default_factory=dict[Fence, RankPhase])

    @property
    def up(self) -> bool:
        return self.level.phase not in ENDED_NODE_PHASES

    @property
    def alive(self) -> list[Fence]:
        return [fence for fence, phase in self.ranks.items() if self.up and phase not in ENDED_RANK_PHASES]


class Plane:
    def __init__(self, *offers: Offer) -> None:
        self.now = START
        broker = Broker(offers or (offer("east", 1.0), offer("west", 2.0)))
        self.services = {
            one.service: Service(one)
            for one in (jobs_controller(lambda grant: "signed"), scheduler(), optimizer(broker))
        }
        self.machines: dict[str, Machine] = {}
        self.cut_off: set[str] = set()
        """Nodes whose agents hear nothing and say nothing. What they run, they run on."""
        self.wanted: dict[tuple[str, str], AllocationWant] = {}
        """The last value of each subject."""
        self._count = 0
        self._infra = InfraLevel(id="cloud", workspace="system", version=1, enabled=True)
        self.say(InfraSurveyed.of(self._infra))

    # ---- the bus

    def say(self, *messages: Message) -> None:
        for message in messages:
            self._count += 1
            envelope = Envelope(f"m{self._count}", message, "test", self.now, "")
            match message:
                case AllocationWant():
                    self.wanted[message.node, message.job] = message
                case RestateNode() if message.id in self.machines:
                    self.say(NodeRestated.of(self.machines[message.id].level))
                case DrainNode() if message.id in self.machines:
                    self._drain(self.machines[message.id])
                case _:
                    for service in self.services.values():
                        if service.wiring.reactions_to(message):
                            service.unread.append(envelope)

    def read(self, name: str, count: int = 1) -> None:
        """A service reads so many messages, in one batch."""
        service = self.services[name]
        batch = [service.unread.popleft() for _ in range(min(count, len(service.unread)))]
        self._fold(service, batch)

    def lose(self, name: str) -> None:
        """A service never gets its next message, where the design allows that: another will say it again."""
        service = self.services[name]
        if service.unread and isinstance(service.unread[0].message, Event | Command):
            message = service.unread[0].message
            if isinstance(message, Event) or message.name.startswith("restate"):
                service.unread.popleft()

    def wake(self, seconds: float) -> None:
        """Time passes; whoever has slept long enough looks at himself, the provisioner at its nodes."""
        self.now += timedelta(seconds=seconds)
        for service in self.services.values():
            due = [
                row for row in service.rows.values() if row.wake_at is not None and row.wake_at <= self.now
            ]
            self._fold(service, [self._alarm(row) for row in due])
        self.say(InfraRestated.of(self._infra))
        self.say(*(NodeRestated.of(machine.level) for machine in self.machines.values()))

    def _alarm(self, row: Aggregate) -> Envelope:
        self._count += 1
        return Envelope(f"m{self._count}", Alarm(kind=row.kind, id=row.id), "test", self.now, "")

    def _fold(self, service: Service, batch: list[Envelope]) -> None:
        outcome = fold_batch(service.wiring, service.rows, batch, now=self.now, planner=service.planner)
        assert not outcome.refusals, outcome.refusals
        service.rows.update(outcome.rows)
        self.say(*(envelope.message for envelope in outcome.outbox))

    def settle(self) -> None:
        """Until nothing is unread and no agent has anything to do."""
        while True:
            for name, service in self.services.items():
                while service.unread:
                    self.read(name, 5)
            for node in list(self.machines):
                self.hear(node)
            moved = [self.go_on(node) for node in list(self.machines)]
            if not any(moved) and not any(service.unread for service in self.services.values()):
                return

    # ---- the infra

    def launch(self, *, choice: int = 0) -> list[str]:
        """For each claim that is open and has a list: its nodes, on the first place of it or a later one."""
        came: list[str] = []
        for claim in self._rows("scheduler", Claim):
            placement = self.services["optimizer"].rows.get(Ref("placement", claim.id))
            living = [one for one in self.machines.values() if one.level.claim == claim.id and one.up]
            if (
                claim.phase is ClaimPhase.OPEN
                and isinstance(placement, Placement)
                and placement.phase is PlacementPhase.CHOSEN
                and len(living) < 2 * claim.count
            ):
                came += [self._boot(claim, placement.ranked[choice]) for _ in range(claim.count)]
        return came

    def _boot(self, claim: Claim, place: Place) -> str:
        node = f"n{len(self.machines)}"
        level = NodeLevel(
            id=node,
            workspace="w",
            version=1,
            phase=NodePhase.READY,
            cluster=f"c-{claim.id}",
            claim=claim.id,
            place=place,
            instance=node,
            address=f"10.0.0.{len(self.machines)}",
            room=place.room,
            launched_at=self.now,
        )
        self.machines[node] = Machine(level)
        self.say(NodeReady.of(level))
        return node

    def notice(self, node: str, *, in_s: float = 120) -> None:
        machine = self.machines[node]
        if machine.up:
            at = self.now + timedelta(seconds=in_s)
            self._becomes(machine, NodeReclaimNoticed, phase=NodePhase.DRAINING, reclaim_at=at)

    def take_away(self, node: str) -> None:
        """With all that runs there."""
        machine = self.machines[node]
        if machine.up:
            self._becomes(machine, NodeLost, phase=NodePhase.LOST)

    def tidy(self) -> None:
        """Nodes that nobody wants are emptied, and what is empty ends."""
        for machine in self.machines.values():
            capacity = self.services["scheduler"].rows.get(Ref("capacity", machine.level.id))
            claim = self.services["scheduler"].rows.get(Ref("claim", machine.level.claim))
            if machine.up and isinstance(capacity, Capacity) and capacity.phase is CapacityPhase.VACATED:
                assert not machine.alive, f"{machine.level.id} is vacated, and {machine.alive} live there"
                self._becomes(machine, NodeTerminated, phase=NodePhase.TERMINATED)
            elif machine.up and isinstance(claim, Claim) and claim.phase is ClaimPhase.CLOSED:
                self._drain(machine)

    def _drain(self, machine: Machine) -> None:
        if machine.level.phase is NodePhase.READY:
            self._becomes(machine, NodeDraining, phase=NodePhase.DRAINING)

    def _becomes(self, machine: Machine, event: type[NodeEvent], **changes: object) -> None:
        machine.level = machine.level.but(version=machine.level.version + 1, **changes)
        self.say(event.of(machine.level))

    # ---- the agents

    def hear(self, node: str) -> None:
        """The agent reads its wants; what it is wanted to run, it says how far it is."""
        machine = self.machines[node]
        if not machine.up or node in self.cut_off:
            return
        for (to, job), want in list(self.wanted.items()):
            before = machine.wants.get(job)
            if to != node or (before is not None and _order(want) <= _order(before)):
                continue
            machine.wants[job] = want
            for fence in _fences(want):
                phase = machine.ranks.setdefault(fence, RankPhase.WANTED)
                self._said(machine, fence, phase, None)

    def go_on(self, node: str) -> bool:
        """Each of its ranks takes the next step that is wanted of it. Whether any did."""
        machine = self.machines[node]
        alive = machine.alive if node not in self.cut_off else []
        steps = [(fence, self._next(machine, fence)) for fence in alive]
        for fence, phase in steps:
            if phase is not None:
                if phase in {RankPhase.PREPARED, RankPhase.RUNNING}:
                    self._must_be_alone(fence)
                machine.ranks[fence] = phase
                self._said(machine, fence, phase, None)
        return any(phase is not None for _, phase in steps)

    def exit(self, node: str, code: int) -> None:
        """What runs there ends by itself."""
        machine = self.machines[node]
        for fence in machine.alive if node not in self.cut_off else ():
            if machine.ranks[fence] is RankPhase.RUNNING:
                machine.ranks[fence] = RankPhase.EXITED
                self._said(machine, fence, RankPhase.EXITED, code)

    def _next(self, machine: Machine, fence: Fence) -> RankPhase | None:
        want, phase = machine.wants[fence.job], machine.ranks[fence]
        if fence not in _fences(want) or want.goal in {Goal.STOP, Goal.FORGET}:
            return RankPhase.STOPPED
        if phase is RankPhase.WANTED:
            earlier = [one for one in machine.alive if one.job == fence.job and one != fence]
            return None if earlier else RankPhase.PREPARED
        return RankPhase.RUNNING if phase is RankPhase.PREPARED and want.goal is Goal.GO else None

    def _must_be_alone(self, fence: Fence) -> None:
        for machine in self.machines.values():
            for other in machine.alive:
                if other == fence or other.job != fence.job or machine.ranks[other] is RankPhase.WANTED:
                    continue
                if other.rank == fence.rank or other.attempt != fence.attempt:
                    raise UnsafeStart(f"{fence} begins while {other} lives on {machine.level.id}")

    def _said(self, machine: Machine, fence: Fence, phase: RankPhase, code: int | None) -> None:
        self.say(
            RankSaid(node=machine.level.id, fence=fence, phase=phase, exit_code=code, started_at=self.now)
        )

    # ---- what is there

    def job(self, name: str = "j") -> Job:
        row = self.services["jobs_controller"].rows[Ref("job", name)]
        assert isinstance(row, Job)
        return row

    @property
    def jobs(self) -> list[Job]:
        return list(self._rows("jobs_controller", Job))

    @property
    def allocations(self) -> list[Allocation]:
        return list(self._rows("scheduler", Allocation))

    def regions(self, name: str = "j") -> list[str]:
        """Where the ranks of a job are."""
        return [rank.region for rank in self.job(name).ranks]

    def _rows(self, service: str, kind: type[A]) -> Iterator[A]:
        return (row for row in self.services[service].rows.values() if isinstance(row, kind))


def _order(want: AllocationWant) -> tuple[int, int]:
    return want.attempt, want.version


def _fences(want: AllocationWant) -> list[Fence]:
    return [
        Fence(job=want.job, attempt=want.attempt, rank=one.rank, incarnation=one.incarnation)
        for one in want.ranks
    ]
