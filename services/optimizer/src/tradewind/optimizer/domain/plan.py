"""Places for the claims that seek one, chosen once a batch from all that is known of offers and infras."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from tradewind.catalog.offers import Offer
from tradewind.common.contracts.node import InfraLevel
from tradewind.common.contracts.placement import (
    PlacementChosen,
    PlacementInfeasible,
    PlacementPhase,
    RankedOffers,
    RankOffers,
)
from tradewind.common.contracts.values import Place, Region
from tradewind.common.reactor.aggregate import Aggregate
from tradewind.common.reactor.decision import Ctx, Decision, became
from tradewind.optimizer.domain.decide import LATER, REMEMBERED
from tradewind.optimizer.domain.model import Market, Placement, Refusal
from tradewind.optimizer.domain.ranking import Ranking, cheapest_by_type, launchable, list_offers, rank

LIST = 20
"""Places in one list; who has walked it asks for the next."""


class Broker:
    """The planner: an index of markets and of placements that seek or found nothing, over the offers of the
    catalog.
    """

    def __init__(self, offers: Sequence[Offer]) -> None:
        self._listed = list_offers(offers)
        self._infras: dict[str, InfraLevel] = {}
        self._seeking: dict[str, Placement] = {}
        self._to_look_at: set[str] = set()
        """Those of them for which something has changed since they were last looked at."""

    def over(self, rows: Iterable[Aggregate]) -> "Broker":
        """The same broker, its index made anew from `rows`."""
        self._infras.clear()
        self._seeking.clear()
        self._to_look_at.clear()
        self.observe(rows)
        return self

    def observe(self, changed: Iterable[Aggregate]) -> None:
        for row in changed:
            match row:
                case Market():
                    if self._infras.get(row.id) != row.infra:
                        self._to_look_at |= self._seeking.keys()
                    self._infras[row.id] = row.infra
                case Placement(phase=PlacementPhase.SOUGHT):
                    self._seeking[row.id] = row
                    self._to_look_at.add(row.id)
                case Placement(phase=PlacementPhase.INFEASIBLE):
                    self._seeking[row.id] = row
                case Placement():
                    self._seeking.pop(row.id, None)
                case _:
                    raise TypeError(f"the optimizer has no rows of kind {row.kind}")

    def has_heard_of_infras(self) -> bool:
        """Until then it would say of everything that it fits nowhere."""
        return bool(self._infras)

    def plan(self, ctx: Ctx) -> Sequence[Decision[Placement]]:
        return list(self._choose(ctx))

    def _choose(self, ctx: Ctx) -> Iterator[Decision[Placement]]:
        to_look_at, self._to_look_at = self._to_look_at, set()
        for placement in (self._seeking[one] for one in sorted(to_look_at & self._seeking.keys())):
            if placement.not_before is not None and placement.not_before > ctx.now:
                continue  # its alarm brings it back
            ranking = launchable(
                rank(placement.shape, placement.count, listed=self._listed, infras=self._infras), self._infras
            )
            if ranking.candidates:
                chosen = placement.evolve(
                    phase=PlacementPhase.CHOSEN,
                    round=placement.round + 1,
                    ranked=_ordered(ranking, placement, ctx.now),
                    why="",
                    not_before=None,
                    wake_at=ctx.now + LATER,
                )
                yield became(chosen, PlacementChosen.of(chosen.level))
            elif placement.phase is PlacementPhase.SOUGHT or placement.why != ranking.why_none:
                infeasible = placement.evolve(
                    phase=PlacementPhase.INFEASIBLE,
                    why=ranking.why_none,
                    not_before=None,
                    wake_at=ctx.now + LATER,
                )
                yield became(infeasible, PlacementInfeasible.of(infeasible.level))

    def answer(self, query: RankOffers) -> RankedOffers:
        """What a demand would cost, everywhere: for a person who wants to know before spending.

        Nodes that are in use now count too: the demand may be placed on them, or wait for them.
        """
        whole = {name: _as_if_idle(infra) for name, infra in self._infras.items()}
        ranking = rank(query.shape, query.count, listed=self._listed, infras=whole)
        return RankedOffers(
            candidates=cheapest_by_type(ranking.candidates)[: query.limit],
            considered=ranking.considered,
            why_none=ranking.why_none,
        )


def _as_if_idle(infra: InfraLevel) -> InfraLevel:
    return infra.but(offers=tuple(offer.but(in_use=0) for offer in infra.offers))


def _ordered(ranking: Ranking, placement: Placement, now: datetime) -> tuple[Place, ...]:
    """Cheapest first; but what refused a while ago comes last, of that what refused last; before it what lies
    in regions to avoid; and what is preferred comes before its like.
    """
    refusals = [one for one in placement.refusals if now - one.at < REMEMBERED]

    def disfavour(place: Place) -> tuple[int, bool, bool]:
        region = Region(infra=place.infra, region=place.region)
        return _refused(place, refusals), region in placement.avoid, region not in placement.prefer

    places = [one.place for one in ranking.candidates]
    return tuple(sorted(places, key=disfavour)[:LIST])


def _refused(place: Place, refusals: Sequence[Refusal]) -> int:
    """0 where nothing speaks against it; else the higher, the later it refused."""
    said = (one.attempt for one in refusals)
    spoke = (order for order, one in enumerate(said, 1) if one.failure.speaks_for(one.place, place))
    return max(spoke, default=0)
