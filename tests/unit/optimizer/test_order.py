"""In which order places are tried: what refused, what lies where a node was lost, and what is free."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from tradewind.catalog import Offer
from tradewind.common.contracts.allocation import ClaimLevel, ClaimOpened, ClaimPhase
from tradewind.common.contracts.envelope import Envelope
from tradewind.common.contracts.node import InfraLevel, InfraSurveyed, OwnOffer
from tradewind.common.contracts.placement import Attempted, NextRound
from tradewind.common.contracts.registry import Message
from tradewind.common.contracts.values import (
    Failure,
    FailureKind,
    Place,
    Region,
    Retention,
    Room,
    Scope,
    Shape,
)
from tradewind.common.reactor.aggregate import Aggregate, Ref
from tradewind.common.reactor.fold import fold_batch
from tradewind.common.reactor.wiring import Alarm
from tradewind.optimizer.domain.model import Placement
from tradewind.optimizer.domain.plan import Broker
from tradewind.optimizer.domain.ranking import list_offers, rank
from tradewind.optimizer.wiring import wiring

START = datetime(2026, 1, 1, tzinfo=UTC)


def offer(region: str, zone: str, price_usd_h: float) -> Offer:
    return Offer(
        infra="cloud",
        region=region,
        zone=zone,
        instance_type="m",
        vcpus=4,
        memory_gib=16,
        arch="x86_64",
        accelerator=None,
        accelerator_count=0,
        price_usd_h=price_usd_h,
        spot_usd_h=price_usd_h / 4,
        source="test",
    )


OFFERS = (offer("east", "a", 1.0), offer("east", "b", 1.1), offer("west", "a", 1.2), offer("north", "a", 2.0))
EAST, WEST, NORTH = (Region(infra="cloud", region=name) for name in ("east", "west", "north"))


class Optimizer:
    """It seeks a place for one claim."""

    def __init__(self, offers: Sequence[Offer] = OFFERS, **asked: object) -> None:
        self.broker = Broker(offers)
        self.wiring = wiring(self.broker)
        self.rows: dict[Ref, Aggregate] = {}
        self.now = START
        self._count = 0
        claim = ClaimLevel(
            id="c",
            workspace="w",
            version=1,
            phase=ClaimPhase.OPEN,
            generation=1,
            shape=Shape(),
            count=1,
            retention=Retention.JOB,
            opened_at=START,
        )
        cloud = InfraLevel(id="cloud", workspace="system", version=1, enabled=True)
        self.hear(InfraSurveyed.of(cloud), ClaimOpened.of(claim.but(**asked)))

    def hear(self, *messages: Message) -> None:
        envelopes: list[Envelope] = []
        for message in messages:
            self._count += 1
            envelopes.append(Envelope(f"m{self._count}", message, "test", self.now, ""))
        outcome = fold_batch(self.wiring, self.rows, envelopes, now=self.now, planner=self.broker)
        assert not outcome.refusals
        self.rows.update(outcome.rows)

    def refused(self, *places: int, scope: Scope = Scope.ZONE, after_s: float = 600) -> None:
        """These of its list were tried in vain; the next list comes so much later."""
        failure = Failure(kind=FailureKind.CAPACITY, scope=scope, message="full")
        placement = self.placement
        tried = tuple(Attempted(place=placement.ranked[one], failure=failure) for one in places)
        self.hear(NextRound(id="c", workspace="w", generation=1, round=placement.round, attempted=tried))
        self.now += timedelta(seconds=after_s)
        self.hear(Alarm(kind="placement", id="c"))

    @property
    def placement(self) -> Placement:
        (row,) = (row for row in self.rows.values() if isinstance(row, Placement))
        return row

    @property
    def ranked(self) -> list[str]:
        return [f"{place.region}/{place.zone}" for place in self.placement.ranked]


CHEAPEST_FIRST = ["east/a", "east/b", "west/a", "north/a"]


@pytest.mark.parametrize(
    ("asked", "order"),
    [
        ({}, CHEAPEST_FIRST),
        ({"avoid": (EAST,)}, ["west/a", "north/a", "east/a", "east/b"]),
        ({"avoid": (EAST, NORTH)}, ["west/a", "east/a", "east/b", "north/a"]),
        ({"prefer": (NORTH,)}, ["north/a", "east/a", "east/b", "west/a"]),
        ({"prefer": (EAST,)}, CHEAPEST_FIRST),
    ],
)
def test_where_a_node_was_lost_comes_last_or_first(asked: dict[str, object], order: list[str]) -> None:
    assert Optimizer(**asked).ranked == order  # type: ignore[arg-type] # facts of a claim


def test_if_there_is_only_the_region_to_avoid_it_is_taken() -> None:
    assert Optimizer(OFFERS[:2], avoid=(EAST,)).ranked == ["east/a", "east/b"]


def test_it_hands_on_how_many_places_are_tried_at_once() -> None:
    assert Optimizer(race=3).placement.level.race == 3


def test_what_refused_is_worse_than_what_is_to_be_avoided() -> None:
    optimizer = Optimizer(avoid=(EAST,))
    optimizer.refused(0, 1, after_s=6)
    assert optimizer.ranked == ["east/a", "east/b", "west/a", "north/a"]


@pytest.mark.parametrize(
    ("scope", "order"),
    [
        (Scope.OFFER, ["east/b", "west/a", "north/a", "east/a"]),
        (Scope.ZONE, ["east/b", "west/a", "north/a", "east/a"]),
        (Scope.REGION, ["west/a", "north/a", "east/a", "east/b"]),
        (Scope.INFRA, CHEAPEST_FIRST),
    ],
)
def test_a_refusal_speaks_for_its_scope(scope: Scope, order: list[str]) -> None:
    optimizer = Optimizer()
    optimizer.refused(0, scope=scope, after_s=6)
    assert optimizer.ranked == order


def test_a_refusal_counts_for_ten_minutes_the_latest_most() -> None:
    optimizer = Optimizer()
    optimizer.refused(0, 1, after_s=6)
    assert optimizer.ranked == ["west/a", "north/a", "east/a", "east/b"]
    optimizer.refused(0, after_s=300)
    assert optimizer.ranked == ["north/a", "east/a", "east/b", "west/a"]
    optimizer.refused(after_s=295)
    assert optimizer.ranked == ["east/a", "east/b", "north/a", "west/a"], (
        "those of the beginning are forgiven"
    )


def own(*, spot: bool, price: float, max_nodes: int | None = 2) -> InfraLevel:
    place = Place(
        infra="own",
        instance_type="own",
        room=Room(cpus=4, memory_gib=8),
        spot=spot,
        price_usd_h=price,
    )
    offers = (OwnOffer(place=place, max_nodes=max_nodes),)
    return InfraLevel(id="own", workspace="system", version=1, enabled=True, offers=offers)


@pytest.mark.parametrize(
    ("infra", "use_spot", "offered"),
    [
        (own(spot=False, price=0.0), True, True),
        (own(spot=False, price=0.0), False, True),
        (own(spot=False, price=1.0), True, False),
        (own(spot=True, price=1.0), True, True),
        (own(spot=True, price=1.0), False, False),
        (own(spot=True, price=0.0), False, False),
    ],
    ids=["free", "free, on demand", "on demand", "spot", "spot, though on demand is asked", "free spot"],
)
def test_what_an_infra_yields_itself_serves_the_way_in_which_it_is_asked(
    infra: InfraLevel, use_spot: bool, offered: bool
) -> None:
    ranking = rank(Shape(use_spot=use_spot), 1, listed=list_offers(()), infras={"own": infra})
    assert bool(ranking.candidates) is offered


def test_an_infra_that_does_not_know_how_much_it_has_is_asked() -> None:
    infra = own(spot=False, price=1.0, max_nodes=None)
    assert rank(Shape(), 50, listed=list_offers(()), infras={"own": infra}).candidates
    none = rank(Shape(cpus=64), 1, listed=list_offers(()), infras={"own": infra})
    assert none.why_none == "no offer with 64 CPUs and 0 GiB; the most there is: 4 CPUs, 8 GiB"
