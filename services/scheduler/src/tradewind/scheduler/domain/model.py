"""Allocation, Claim and Capacity as the scheduler keeps them."""

from datetime import datetime
from typing import ClassVar

from tradewind.common.contracts.allocation import (
    AllocationLevel,
    AllocationPhase,
    CapacityLevel,
    CapacityPhase,
    ClaimLevel,
    ClaimPhase,
    Seat,
)
from tradewind.common.contracts.values import (
    Demand,
    Place,
    Region,
    Replacement,
    Retention,
    Room,
    Shape,
)
from tradewind.common.reactor.aggregate import Aggregate


class Allocation(Aggregate):
    """A job's share of nodes, or its place in the queue for one. Its id is the job's."""

    kind: ClassVar[str] = "allocation"

    attempt: int
    phase: AllocationPhase
    reason: str = ""
    demand: Demand
    demand_class: str
    """Equal for allocations that ask for the same: what one cannot have now, none of them can."""
    priority: int
    submitted_at: datetime
    place_in_array: int = 0
    claim: str | None = None
    seats: tuple[Seat, ...] = ()

    @property
    def phase_name(self) -> str:
        return self.phase.value

    @property
    def terminal(self) -> bool:
        return self.phase is AllocationPhase.RELEASED

    @property
    def waits(self) -> bool:
        """Whether it asks for seats: for all of its ranks, or for those that lost theirs."""
        return self.phase in {AllocationPhase.WAITING, AllocationPhase.MENDING}

    @property
    def lacking(self) -> tuple[Replacement, ...]:
        """Whom the shapes of its demand are for."""
        everyone = (Replacement(rank=rank, incarnation=0) for rank in range(len(self.demand.shapes)))
        return self.demand.replacements or tuple(everyone)

    @property
    def rank_in_queue(self) -> tuple[int, datetime, int, str]:
        """First by priority, then by submission."""
        return (-self.priority, self.submitted_at, self.place_in_array, self.id)

    @property
    def level(self) -> AllocationLevel:
        return AllocationLevel(
            id=self.id,
            workspace=self.workspace,
            version=self.version,
            attempt=self.attempt,
            phase=self.phase,
            reason=self.reason,
            claim=self.claim,
            seats=self.seats,
        )


class Claim(Aggregate):
    """A demand for `count` nodes of `shape`. Allocations of one class share it."""

    kind: ClassVar[str] = "claim"

    phase: ClaimPhase
    generation: int = 1
    shape: Shape
    count: int
    retention: Retention
    name: str | None = None
    demand_class: str
    reason: str = ""
    """Why nothing can serve it."""
    refused: str = ""
    """What was said where its nodes were last asked for, until it is served."""
    avoid: tuple[Region, ...] = ()
    prefer: tuple[Region, ...] = ()
    race: int = 1
    opened_at: datetime
    idle_since: datetime | None = None

    @property
    def phase_name(self) -> str:
        return self.phase.value

    @property
    def terminal(self) -> bool:
        return self.phase is ClaimPhase.CLOSED

    @property
    def why(self) -> str:
        """Why it is not served yet."""
        return self.reason or self.refused

    @property
    def level(self) -> ClaimLevel:
        return ClaimLevel(
            id=self.id,
            workspace=self.workspace,
            version=self.version,
            phase=self.phase,
            generation=self.generation,
            shape=self.shape,
            count=self.count,
            retention=self.retention,
            name=self.name,
            reason=self.why,
            avoid=self.avoid,
            prefer=self.prefer,
            race=self.race,
            opened_at=self.opened_at,
        )


class Capacity(Aggregate):
    """What one node can hold, and whether anything may be placed there. Its id is the node's."""

    kind: ClassVar[str] = "capacity"

    phase: CapacityPhase
    claim: str
    cluster: str
    place: Place
    room: Room
    address: str
    reclaim_at: datetime | None = None
    """Its infra takes it away then."""

    @property
    def region(self) -> Region:
        return Region(infra=self.place.infra, region=self.place.region)

    @property
    def phase_name(self) -> str:
        return self.phase.value

    @property
    def terminal(self) -> bool:
        return self.phase is CapacityPhase.GONE

    @property
    def level(self) -> CapacityLevel:
        return CapacityLevel(
            id=self.id,
            workspace=self.workspace,
            version=self.version,
            phase=self.phase,
            claim=self.claim,
            cluster=self.cluster,
            room=self.room,
        )
