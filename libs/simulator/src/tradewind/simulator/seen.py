"""What the world has seen so far: the ground on which promises are judged, whatever others have booked."""

from collections import defaultdict
from dataclasses import dataclass, field

from tradewind.common.contracts.allocation import AllocationLevel
from tradewind.common.contracts.envelope import Packet
from tradewind.common.contracts.job import JobLevel
from tradewind.common.contracts.registry import Event, Level
from tradewind.common.contracts.values import Fence, Region, Share
from tradewind.common.reactor.aggregate import Aggregate, Ref
from tradewind.common.reactor.ports import Position
from tradewind.scheduler.domain.model import Allocation
from tradewind.simulator.cloud import ScriptedCloud
from tradewind.simulator.demand import Demand
from tradewind.simulator.machine import Machine, Part, Process
from tradewind.simulator.memory_bus import MemoryServer
from tradewind.simulator.memory_store import Committed, MemoryStore
from tradewind.simulator.workload import Workload

Thing = tuple[str, str]
"""A noun and an id."""


@dataclass(frozen=True, slots=True)
class Told:
    """An event that was stored. `first`: no earlier message had its id."""

    event: Event
    first: bool
    before: Level | None
    """The newest level of that thing that was told before."""


@dataclass(frozen=True, slots=True)
class Loss:
    """A job in its `attempt`, after so many `restarts`, lost a node in a region."""

    attempt: int
    restarts: int
    region: Region


@dataclass(slots=True)
class Seen:
    """Everything that promises are judged by."""

    workload: Workload
    server: MemoryServer
    now: float = 0.0
    stores: dict[str, MemoryStore] = field(default_factory=dict[str, MemoryStore])
    clouds: tuple[ScriptedCloud, ...] = ()
    quiet_since: float | None = None
    """When faults ended; None before."""
    message_ids: set[str] = field(default_factory=set[str])
    at: dict[Position, set[str]] = field(default_factory=lambda: defaultdict[Position, set[str]](set))
    """The ids of the messages that lie or lay there: a stream that lost its end gives a place twice."""
    levels: dict[Thing, Level] = field(default_factory=dict[Thing, Level])
    rows: dict[tuple[str, Ref], Aggregate] = field(default_factory=dict[tuple[str, Ref], Aggregate])
    """The newest row of each thing, by the service that owns it."""
    epochs: dict[str, int] = field(default_factory=dict[str, int])
    """The newest epoch that a service was led under."""
    outbox: dict[tuple[str, int], str] = field(default_factory=dict[tuple[str, int], str])
    """The ids of the messages that a service has committed itself to say."""
    runs: dict[str, list[tuple[Machine, Process]]] = field(
        default_factory=lambda: defaultdict[str, list[tuple[Machine, Process]]](list)
    )
    """By job, the processes of setup and run that live."""
    exits: dict[str, dict[Fence, int]] = field(
        default_factory=lambda: defaultdict[str, dict[Fence, int]](dict)
    )
    """By job, the exit codes of the runs that ended by themselves."""
    prepared: dict[tuple[str, int], set[tuple[int, int]]] = field(
        default_factory=lambda: defaultdict[tuple[str, int], set[tuple[int, int]]](set)
    )
    """By job and attempt, the ranks whose setup has ended well, each with its incarnation."""
    cancelled: set[str] = field(default_factory=set[str])
    """Jobs whose end somebody asked for."""
    cancelled_at: dict[str, float] = field(default_factory=dict[str, float])
    """When the bus had taken that they be cancelled: jobs, and all jobs of arrays."""
    submitted: set[str] = field(default_factory=set[str])
    """Jobs of which the bus has taken the submission (of arrays: of the array)."""
    unclaimed_since: dict[str, float] = field(default_factory=dict[str, float])
    """Nodes that live without a claim or a drain."""
    spare_since: dict[str, float] = field(default_factory=dict[str, float])
    """Clusters that are up, and have more nodes than they were to have."""
    lost_unread: dict[str, Packet] = field(default_factory=dict[str, Packet])
    """By id, what the bus lost unread; until it, or a newer want of its subject, is said again."""
    demand: Demand = field(default_factory=Demand)
    garbage: set[str] = field(default_factory=set[str])
    """Jobs that were submitted and that no store can hold."""
    dead_letters: list[Packet] = field(default_factory=list[Packet])
    kinds: frozenset[str] = frozenset()
    """The kinds of faults that this world may have."""
    seats: dict[str, dict[str, list[Share]]] = field(
        default_factory=lambda: defaultdict[str, dict[str, list[Share]]](dict)
    )
    """By node and job, what the scheduler has given away."""
    cluster_of: dict[tuple[str, int], str] = field(default_factory=dict[tuple[str, int], str])
    """By claim and generation, the cluster that was up first."""
    out_of_order: list[str] = field(default_factory=list[str])
    """What was published before something that was committed before it."""
    lost_nodes: set[str] = field(default_factory=set[str])
    """Nodes that were lost, or of which it was told that they would be."""
    lost_from: dict[str, Loss] = field(default_factory=dict[str, Loss])
    """By job, the newest."""
    nodes_of: dict[tuple[str, int], set[str]] = field(
        default_factory=lambda: defaultdict[tuple[str, int], set[str]](set)
    )
    """By job and attempt, the nodes that it has had."""
    _outbox_of: dict[str, tuple[str, int]] = field(default_factory=dict[str, tuple[str, int]])
    """By message, where it was first committed."""
    _went_out: dict[str, int] = field(default_factory=dict[str, int])
    """By service, the newest message that was published."""

    def job(self, job_id: str) -> JobLevel | None:
        level = self.levels.get(("job", job_id))
        return level if isinstance(level, JobLevel) else None

    def note_told(self, event: Event, packet: Packet) -> Told:
        thing = (event.noun, event.level.id)
        before = self.levels.get(thing)
        first = packet.headers["ce-id"] not in self.message_ids
        if before is None or before.version < event.level.version:
            self.levels[thing] = event.level
        if isinstance(event.level, AllocationLevel):
            # The job itself may never have heard of them.
            self.nodes_of[thing[1], event.level.attempt].update(seat.node for seat in event.level.seats)
        return Told(event, first, before)

    def note_committed(self, committed: Committed) -> None:
        service, batch = committed.service, committed.batch
        for row in (*batch.created, *(row for row, _ in batch.updated)):
            if isinstance(row, Allocation):
                self._note_seats(self.rows.get((service, row.ref)), row)
            self.rows[service, row.ref] = row
        for outbox_id, packet in zip(committed.ids, batch.outbox, strict=True):
            message_id = _message_id(packet)
            self.outbox[service, outbox_id] = message_id
            self._outbox_of.setdefault(message_id, (service, outbox_id))

    def _note_seats(self, before: Aggregate | None, after: Allocation) -> None:
        if isinstance(before, Allocation):
            for seat in before.seats:
                self.seats[seat.node].pop(after.id, None)
        for seat in () if after.terminal else after.seats:
            if not seat.gone:
                self.seats[seat.node].setdefault(after.id, []).append(seat.share)

    def note_lost(self, packets: list[Packet]) -> None:
        self.lost_unread |= {_message_id(packet): packet for packet in packets}

    def note_stored(self, packet: Packet, position: Position) -> None:
        message_id = _message_id(packet)
        if message_id not in self.message_ids and message_id in self._outbox_of:
            self._note_published(*self._outbox_of[message_id])
        self.at[position].add(message_id)
        self.message_ids.add(message_id)
        if self.lost_unread:
            self._note_said_again(message_id, packet.subject if position.stream == "WANT" else "")
        if position.stream == "DEAD":
            self.dead_letters.append(packet)

    def _note_published(self, service: str, outbox_id: int) -> None:
        """For the first time."""
        newest = self._went_out.get(service, 0)
        if outbox_id < newest:
            self.out_of_order.append(f"{service} published message {outbox_id} after {newest}")
        self._went_out[service] = max(newest, outbox_id)

    def _note_said_again(self, message_id: str, want: str) -> None:
        """Of wants on one subject only the last is to be heard."""
        for one, lost in list(self.lost_unread.items()):
            if one == message_id or lost.subject == want:
                del self.lost_unread[one]

    def note_process(self, machine: Machine, process: Process) -> None:
        living = self.runs[process.fence.job]
        if process.alive:
            living.append((machine, process))
            return
        self.runs[process.fence.job] = [one for one in living if one[1] is not process]
        if not machine.up or process.code is None:
            return
        fence = process.fence
        if process.part is Part.RUN:
            self.exits[fence.job][fence] = process.code
        elif process.code == 0:
            self.prepared[fence.job, fence.attempt].add((fence.rank, fence.incarnation))


def _message_id(packet: Packet) -> str:
    """A dead letter bears the `ce-id` of what it sets aside; its own id is the bus's."""
    return packet.headers.get("Nats-Msg-Id") or packet.headers.get("ce-id", "")
