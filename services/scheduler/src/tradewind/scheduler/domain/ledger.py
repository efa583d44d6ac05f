"""The ledger of node capacity: what each node holds, what is free, and how a gang fits. An index, rebuilt
from rows.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from tradewind.common.contracts.allocation import AllocationPhase, CapacityPhase, Seat
from tradewind.common.contracts.values import Replacement, Room, Shape, Share
from tradewind.scheduler.domain.model import Allocation, Capacity

HOLDS = frozenset(
    {
        AllocationPhase.GRANTED,
        AllocationPhase.BROKEN,
        AllocationPhase.MENDING,
        AllocationPhase.REVOKED,
    }
)
"""Phases in which an allocation still has its seats: only its job's word gives them back."""


@dataclass(slots=True)
class Used:
    """What is taken of one node."""

    cpus: float = 0.0
    memory_gib: float = 0.0
    devices: set[int] = field(default_factory=set[int])
    allocations: dict[str, int] = field(default_factory=dict[str, int])
    """Seats by allocation."""


NOTHING = Used()


class Ledger:
    """Nodes and the seats on them."""

    def __init__(self) -> None:
        self.nodes: dict[str, Capacity] = {}
        self.used: dict[str, Used] = {}
        self._seats: dict[str, tuple[Seat, ...]] = {}

    def note_node(self, capacity: Capacity) -> None:
        if capacity.terminal:
            self.nodes.pop(capacity.id, None)
        else:
            self.nodes[capacity.id] = capacity

    def note_allocation(self, allocation: Allocation) -> bool:
        """Whether it gave something back."""
        seats = allocation.seats if allocation.phase in HOLDS else ()
        before = self._seats.get(allocation.id, ())
        if seats == before:
            return False
        for seat in before:
            self._give_back(allocation.id, seat)
        for seat in seats:
            self._take(allocation.id, seat)
        if seats:
            self._seats[allocation.id] = seats
        else:
            self._seats.pop(allocation.id, None)
        return bool(before)

    def on(self, node: str) -> tuple[str, ...]:
        """The allocations that have a seat there."""
        used = self.used.get(node)
        return tuple(used.allocations) if used is not None else ()

    def seat(
        self,
        allocation: Allocation,
        nodes: Iterable[Capacity],
        *,
        chosen_for: Callable[[Capacity], bool] = lambda node: False,
    ) -> tuple[Seat, ...] | None:
        """Seats for all of its ranks that lack one, each on a node of its own; None unless all fit. What is
        preferred comes first, then the fullest node that fits.

        `chosen_for`: the optimizer chose the node for this demand, so its accelerator will do, whatever its
        name.
        """
        prefer = allocation.demand.prefer
        has = {seat.node for seat in allocation.seats}
        candidates = [node for node in nodes if node.id not in has]
        seats: list[Seat] = []
        for one, shape in zip(allocation.lacking, allocation.demand.shapes, strict=True):
            node = min(
                (node for node in candidates if self._fits(shape, node, named=not chosen_for(node))),
                # Most prefer nothing, and the region of a node is made when it is asked for.
                key=lambda node: (bool(prefer) and node.region not in prefer, *self._free_cpus(node)),
                default=None,
            )
            if node is None:
                return None
            candidates.remove(node)
            seats.append(self._seat(one, shape, node))
        return tuple(seats)

    def _fits(self, shape: Shape, node: Capacity, *, named: bool) -> bool:
        used, room = self.used.get(node.id, NOTHING), node.room
        return (
            shape.cpus <= room.cpus - used.cpus + EPSILON
            and shape.memory_gib <= room.memory_gib - used.memory_gib + EPSILON
            and (not named or not shape.accelerator_count or shape.accelerator == room.accelerator)
            and shape.accelerator_count <= room.accelerator_count - len(used.devices)
        )

    def _seat(self, given_to: Replacement, shape: Shape, node: Capacity) -> Seat:
        taken = self.used[node.id].devices if node.id in self.used else set[int]()
        free = (device for device in range(node.room.accelerator_count) if device not in taken)
        devices = tuple(device for device, _ in zip(free, range(shape.accelerator_count), strict=False))
        return Seat(
            rank=given_to.rank,
            incarnation=given_to.incarnation,
            node=node.id,
            address=node.address,
            cluster=node.cluster,
            infra=node.place.infra,
            region=node.place.region,
            share=Share(cpus=shape.cpus, memory_gib=shape.memory_gib, devices=devices),
        )

    def _free_cpus(self, node: Capacity) -> tuple[float, str]:
        used = self.used.get(node.id)
        return (node.room.cpus - (used.cpus if used is not None else 0.0), node.id)

    def _take(self, allocation: str, seat: Seat) -> None:
        used = self.used.setdefault(seat.node, Used())
        used.cpus += seat.share.cpus
        used.memory_gib += seat.share.memory_gib
        used.devices |= set(seat.share.devices)
        used.allocations[allocation] = used.allocations.get(allocation, 0) + 1

    def _give_back(self, allocation: str, seat: Seat) -> None:
        used = self.used[seat.node]
        used.cpus -= seat.share.cpus
        used.memory_gib -= seat.share.memory_gib
        used.devices -= set(seat.share.devices)
        used.allocations[allocation] -= 1
        if not used.allocations[allocation]:
            del used.allocations[allocation]
        if not used.allocations:
            del self.used[seat.node]

    def open_nodes(self, shapes: Iterable[Shape]) -> Iterator[Capacity]:
        """Those with room for the least of `shapes`. Asked first, since of many nodes most are full."""
        asked = list(shapes)
        cpus = min((shape.cpus for shape in asked), default=0.0) - EPSILON
        memory_gib = min((shape.memory_gib for shape in asked), default=0.0) - EPSILON
        for node in self.nodes.values():
            used, room = self.used.get(node.id, NOTHING), node.room
            roomy = room.cpus - used.cpus >= cpus and room.memory_gib - used.memory_gib >= memory_gib
            if roomy and node.phase is CapacityPhase.OPEN:
                yield node


def could_hold(room: Room, shape: Shape) -> bool:
    """Whether a node with that much, empty, has enough."""
    return (
        shape.cpus <= room.cpus + EPSILON
        and shape.memory_gib <= room.memory_gib + EPSILON
        and shape.accelerator_count <= room.accelerator_count
    )


EPSILON = 1e-9
"""Sums of fractions of a CPU are not exact."""
