"""Placement and Market as the optimizer keeps them."""

from datetime import datetime
from typing import ClassVar

from tradewind.common.contracts.base import Value
from tradewind.common.contracts.node import InfraLevel
from tradewind.common.contracts.placement import Attempted, PlacementLevel, PlacementPhase
from tradewind.common.contracts.values import Place, Region, Shape
from tradewind.common.reactor.aggregate import Aggregate


class Refusal(Value):
    """What a place has said to a claim, and when that was heard."""

    attempt: Attempted
    at: datetime


class Placement(Aggregate):
    """A ranked choice of offers for one claim; its id is the claim's."""

    kind: ClassVar[str] = "placement"

    phase: PlacementPhase
    generation: int
    round: int = 0
    shape: Shape
    count: int
    ranked: tuple[Place, ...] = ()
    why: str = ""
    avoid: tuple[Region, ...] = ()
    prefer: tuple[Region, ...] = ()
    race: int = 1
    refusals: tuple[Refusal, ...] = ()
    """What earlier lists met with, the oldest first: for a while those places come last."""
    not_before: datetime | None = None

    @property
    def phase_name(self) -> str:
        return self.phase.value

    @property
    def terminal(self) -> bool:
        return self.phase is PlacementPhase.CLOSED

    @property
    def level(self) -> PlacementLevel:
        return PlacementLevel(
            id=self.id,
            workspace=self.workspace,
            version=self.version,
            phase=self.phase,
            generation=self.generation,
            round=self.round,
            count=self.count,
            shape=self.shape,
            race=self.race,
            avoid=self.avoid,
            ranked=self.ranked,
            why=self.why,
        )


class Market(Aggregate):
    """What the optimizer has heard of one infra; its id is the infra's name. It lives as long as the
    installation.
    """

    kind: ClassVar[str] = "market"

    infra: InfraLevel

    @property
    def phase_name(self) -> str:
        return "enabled" if self.infra.enabled else "disabled"

    @property
    def terminal(self) -> bool:
        return False
