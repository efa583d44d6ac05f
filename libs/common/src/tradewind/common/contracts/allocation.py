"""Claim, Allocation and Capacity: owned by the scheduler."""

from datetime import datetime
from enum import StrEnum
from typing import Self

from tradewind.common.contracts.base import Value
from tradewind.common.contracts.registry import Command, Event, Level
from tradewind.common.contracts.values import Region, Retention, Room, Shape, Share


class AllocationPhase(StrEnum):
    WAITING = "waiting"
    GRANTED = "granted"
    BROKEN = "broken"
    """A node under it is gone; the job gives it back, or says which ranks shall be seated anew."""
    MENDING = "mending"
    """Some of its ranks wait for new seats; the others keep theirs."""
    REVOKED = "revoked"
    """Its cluster is being taken down; the job must give it back."""
    RELEASED = "released"


class Seat(Value):
    """Where one rank sits."""

    rank: int
    incarnation: int = 0
    """The one that it was given to."""
    node: str
    address: str
    cluster: str
    infra: str
    region: str = ""
    share: Share
    gone: bool = False
    """The infra confirmed that this node exists no more."""
    leaves_at: datetime | None = None
    """The infra has told that it takes this node away then."""

    @property
    def stays(self) -> bool:
        """Whether a rank may be put there, as far as anybody has told."""
        return not self.gone and self.leaves_at is None


class AllocationLevel(Level):
    """The public state of a job's share of nodes; its id is the job's."""

    attempt: int
    phase: AllocationPhase
    reason: str = ""
    """Why it waits, and what would help."""
    claim: str | None = None
    seats: tuple[Seat, ...] = ()


class AllocationEvent(Event, owner="scheduler", noun="allocation"):
    allocation: AllocationLevel

    @property
    def level(self) -> AllocationLevel:
        return self.allocation

    @classmethod
    def of(cls, allocation: AllocationLevel) -> Self:
        return cls(allocation=allocation)


class AllocationWaiting(AllocationEvent, name="waiting"):
    pass


class AllocationGranted(AllocationEvent, name="granted"):
    pass


class AllocationLeaving(AllocationEvent, name="leaving"):
    """A node under it will be taken away: see its seats."""


class AllocationMending(AllocationEvent, name="mending"):
    """Some of its ranks wait for new seats."""


class AllocationBroken(AllocationEvent, name="broken"):
    pass


class AllocationRevoked(AllocationEvent, name="revoked"):
    pass


class AllocationReleased(AllocationEvent, name="released"):
    pass


class AllocationRestated(AllocationEvent, name="restated"):
    pass


class RestateAllocation(Command, owner="scheduler", name="restate_allocation"):
    """Say the level of an allocation again."""


class ClaimPhase(StrEnum):
    OPEN = "open"
    """Asks for nodes."""
    SERVED = "served"
    """Has its nodes."""
    CLOSED = "closed"
    """Wants no nodes any more: what it has may go once it is empty."""


class ClaimLevel(Level):
    """The public state of a demand for capacity: `count` nodes of `shape`, kept as `retention` says."""

    phase: ClaimPhase
    generation: int
    """Counts up when a claim that lost its nodes asks again."""
    shape: Shape
    count: int
    retention: Retention
    name: str | None = None
    reason: str = ""
    """Why it is not served yet."""
    avoid: tuple[Region, ...] = ()
    prefer: tuple[Region, ...] = ()
    race: int = 1
    opened_at: datetime


class ClaimEvent(Event, owner="scheduler", noun="claim"):
    claim: ClaimLevel

    @property
    def level(self) -> ClaimLevel:
        return self.claim

    @classmethod
    def of(cls, claim: ClaimLevel) -> Self:
        return cls(claim=claim)


class ClaimOpened(ClaimEvent, name="opened"):
    pass


class ClaimServed(ClaimEvent, name="served"):
    pass


class ClaimClosed(ClaimEvent, name="closed"):
    pass


class ClaimRestated(ClaimEvent, name="restated"):
    pass


class CloseClaim(Command, owner="scheduler", name="close_claim"):
    """Take a named cluster down: whatever runs there is given up."""


class RestateClaim(Command, owner="scheduler", name="restate_claim"):
    """Say the level of a claim again."""


class CapacityPhase(StrEnum):
    OPEN = "open"
    """Work may be placed on it."""
    SUSPECT = "suspect"
    """Its agent is silent: no new work until it speaks again, and nothing is taken away."""
    DRAINING = "draining"
    """No new work; what is there may end."""
    VACATED = "vacated"
    """Nothing is there and nothing will be placed there again."""
    GONE = "gone"


class CapacityLevel(Level):
    """The scheduler's record of one node: what it can hold and whether it is still used. Its id is the
    node's.
    """

    phase: CapacityPhase
    claim: str
    cluster: str
    room: Room


class CapacityEvent(Event, owner="scheduler", noun="capacity"):
    capacity: CapacityLevel

    @property
    def level(self) -> CapacityLevel:
        return self.capacity

    @classmethod
    def of(cls, capacity: CapacityLevel) -> Self:
        return cls(capacity=capacity)


class CapacityOpened(CapacityEvent, name="opened"):
    pass


class CapacityVacated(CapacityEvent, name="vacated"):
    """Answers a draining node: it is empty, and stays so."""


class CapacityGone(CapacityEvent, name="gone"):
    pass


class CapacityRestated(CapacityEvent, name="restated"):
    pass


class RestateCapacity(Command, owner="scheduler", name="restate_capacity"):
    """Say the level of a node's capacity again."""
