"""Placement: owned by the optimizer. A ranked choice of offers for one claim."""

from enum import StrEnum
from typing import Self

from tradewind.common.contracts.base import Value
from tradewind.common.contracts.registry import Command, Event, Level, Message
from tradewind.common.contracts.values import Failure, Place, Region, Shape


class PlacementPhase(StrEnum):
    SOUGHT = "sought"
    CHOSEN = "chosen"
    INFEASIBLE = "infeasible"
    """Nothing that is enabled can serve it now; looked at again when that may have changed."""
    CLOSED = "closed"


class PlacementLevel(Level):
    """The public state of a placement; its id is the claim's."""

    phase: PlacementPhase
    generation: int
    round: int
    """Counts up each time a new list is chosen for the same claim."""
    count: int
    shape: Shape
    race: int = 1
    """How many of them may be tried at once."""
    avoid: tuple[Region, ...] = ()
    """Places there are tried only when no other is."""
    ranked: tuple[Place, ...] = ()
    """Best first."""
    why: str = ""


class PlacementEvent(Event, owner="optimizer", noun="placement"):
    placement: PlacementLevel

    @property
    def level(self) -> PlacementLevel:
        return self.placement

    @classmethod
    def of(cls, placement: PlacementLevel) -> Self:
        return cls(placement=placement)


class PlacementChosen(PlacementEvent, name="chosen"):
    pass


class PlacementInfeasible(PlacementEvent, name="infeasible"):
    pass


class PlacementClosed(PlacementEvent, name="closed"):
    pass


class PlacementRestated(PlacementEvent, name="restated"):
    pass


class Attempted(Value):
    """One place that was tried, and how it refused."""

    place: Place
    failure: Failure


class NextRound(Command, owner="optimizer", name="next_round"):
    """The list of `round` is exhausted: choose again, knowing what failed. `id` is the claim's."""

    generation: int
    round: int
    attempted: tuple[Attempted, ...]


class RestatePlacement(Command, owner="optimizer", name="restate"):
    """Say the level of a placement again. `id` is the claim's."""


class Candidate(Value):
    """One offer that could run a demand. `enabled`: this installation can launch it now."""

    place: Place
    enabled: bool
    hourly_usd: float
    """For all nodes of the gang."""


class RankOffers(Message, owner="optimizer", name="rank_offers"):
    """Query (request/reply on `qry.optimizer.rank_offers`): what would this demand cost, and where?"""

    shape: Shape
    count: int = 1
    limit: int = 20

    @property
    def subject(self) -> str:
        return "qry.optimizer.rank_offers"

    @property
    def about(self) -> str:
        return "offers"

    @classmethod
    def subjects(cls) -> str:
        return "qry.optimizer.rank_offers"


class RankedOffers(Message, owner="optimizer", name="ranked_offers"):
    """The answer to `RankOffers`: the cheapest offer of each instance type and infra, best first."""

    candidates: tuple[Candidate, ...]
    considered: int
    why_none: str = ""

    @property
    def subject(self) -> str:
        return ""

    @property
    def about(self) -> str:
        return "offers"

    @classmethod
    def subjects(cls) -> str:
        return ""
