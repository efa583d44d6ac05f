"""Filters, price ranking, and the rounds of a placement."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from tradewind.catalog import Catalog, Offer
from tradewind.common.contracts.allocation import ClaimClosed, ClaimLevel, ClaimOpened, ClaimPhase
from tradewind.common.contracts.envelope import Envelope
from tradewind.common.contracts.node import InfraLevel, InfraSurveyed, OwnOffer
from tradewind.common.contracts.placement import Attempted, NextRound, PlacementPhase, RankOffers
from tradewind.common.contracts.registry import Message
from tradewind.common.contracts.values import Failure, FailureKind, Place, Retention, Room, Scope, Shape
from tradewind.common.reactor.aggregate import Aggregate, Ref
from tradewind.common.reactor.fold import Outcome, fold_batch
from tradewind.common.reactor.wiring import Alarm
from tradewind.optimizer.domain.model import Placement
from tradewind.optimizer.domain.plan import Broker
from tradewind.optimizer.domain.ranking import cheapest_by_type, launchable, list_offers, rank
from tradewind.optimizer.wiring import wiring

START = datetime(2026, 1, 1, tzinfo=UTC)


def offer(infra: str, instance_type: str, **facts: object) -> Offer:
    known: dict[str, object] = {
        "region": "r1",
        "zone": None,
        "vcpus": 4,
        "memory_gib": 16,
        "arch": "x86_64",
        "accelerator": None,
        "accelerator_count": 0,
        "price_usd_h": 1.0,
        "spot_usd_h": None,
        "source": "test",
    }
    return Offer(infra=infra, instance_type=instance_type, **{**known, **facts})  # type: ignore[arg-type] # facts of tests


OFFERS = (
    offer("aws", "small", vcpus=2, memory_gib=4, price_usd_h=0.1),
    offer("aws", "large", vcpus=16, memory_gib=64, price_usd_h=0.8, spot_usd_h=0.2),
    offer("gcp", "large", vcpus=16, memory_gib=64, price_usd_h=0.7, region="us", zone="us-a"),
    offer("gcp", "gpu", accelerator="H100-SXM", accelerator_count=8, price_usd_h=30.0),
    offer("gcp", "gpu1", accelerator="H100", accelerator_count=1, price_usd_h=4.0),
)


LISTED = list_offers(OFFERS)


def infra(name: str, *own: OwnOffer, enabled: bool = True, version: int = 1) -> InfraLevel:
    return InfraLevel(id=name, workspace="system", version=version, enabled=enabled, offers=own)


def local(*, in_use: int = 0, nodes: int = 2, version: int = 1) -> InfraLevel:
    room = Room(cpus=4, memory_gib=8)
    place = Place(infra="local", instance_type="local", room=room, price_usd_h=0)
    return infra("local", OwnOffer(place=place, max_nodes=nodes, in_use=in_use), version=version)


@pytest.mark.parametrize(
    ("shape", "cheapest_first"),
    [
        (Shape(), ["aws/r1 small", "gcp/us/us-a large", "aws/r1 large"]),
        (Shape(cpus=8), ["gcp/us/us-a large", "aws/r1 large"]),
        (Shape(cpus=8, use_spot=True), ["aws/r1 large (spot)"]),
        (Shape(memory_gib=5, infra="aws"), ["aws/r1 large"]),
        (Shape(infra="gcp/us/us-a"), ["gcp/us/us-a large"]),
        (Shape(infra="*/r1"), ["aws/r1 small", "aws/r1 large"]),
        (Shape(accelerator="H100", accelerator_count=1), ["gcp/r1 gpu1", "gcp/r1 gpu"]),
        (Shape(accelerator="H100", accelerator_count=2), ["gcp/r1 gpu"]),
        (Shape(accelerator="A100", accelerator_count=1), []),
    ],
)
def test_what_fits_is_ranked_by_price(shape: Shape, cheapest_first: Sequence[str]) -> None:
    ranking = rank(shape, 1, listed=LISTED, infras={})
    assert [str(one.place) for one in ranking.candidates] == list(cheapest_first)


@pytest.mark.parametrize(
    ("shape", "why"),
    [
        (Shape(infra="azure"), "no offer lies in azure"),
        (Shape(accelerator="A100", accelerator_count=1), "no offer with A100:1"),
        (
            Shape(cpus=32, infra="aws"),
            "no offer in aws with 32 CPUs and 0 GiB; the most there is: 16 CPUs, 64 GiB",
        ),
    ],
)
def test_what_fits_nowhere_says_why(shape: Shape, why: str) -> None:
    assert rank(shape, 1, listed=LISTED, infras={}).why_none == why


def test_nobody_has_offered_anything_yet() -> None:
    nothing = list_offers([])
    assert rank(Shape(), 1, listed=nothing, infras={}).why_none == "no infra has said yet what it offers"


def test_what_is_free_here_comes_first_and_a_gang_needs_room_for_all() -> None:
    infras = {"local": local(in_use=1)}
    assert str(rank(Shape(), 1, listed=LISTED, infras=infras).candidates[0].place) == "local local"
    two = rank(Shape(infra="local"), 2, listed=LISTED, infras=infras)
    assert two.why_none.startswith("local has 1 of 2 nodes free, 2 are needed")
    three = rank(Shape(infra="local"), 3, listed=LISTED, infras=infras)
    assert three.why_none == "local yields 2 nodes at most, 3 are needed"


def test_only_enabled_infras_can_be_launched_and_the_reason_names_the_cheapest_elsewhere() -> None:
    infras = {"local": local(), "aws": infra("aws", enabled=False)}
    ranking = launchable(rank(Shape(cpus=8), 1, listed=LISTED, infras=infras), infras)
    assert ranking.candidates == ()
    assert ranking.why_none == (
        "2 offers would fit, such as gcp/us/us-a large at $0.70/h, "
        "but on no infra that is enabled here (local)"
    )


def test_a_person_sees_each_instance_type_once_at_its_best() -> None:
    twice = (*OFFERS, offer("aws", "small", vcpus=2, memory_gib=4, price_usd_h=0.05, region="r2"))
    shown = cheapest_by_type(rank(Shape(infra="aws"), 1, listed=list_offers(twice), infras={}).candidates)
    assert [str(one.place) for one in shown] == ["aws/r2 small", "aws/r1 large"]


def test_the_seed_catalog_answers_what_people_ask_most() -> None:
    broker = Broker(Catalog.load().offers)
    answer = broker.answer(RankOffers(shape=Shape(accelerator="H100", accelerator_count=8), limit=5))
    prices = [one.hourly_usd for one in answer.candidates]
    assert len(prices) == 5
    assert prices == sorted(prices)
    assert all(one.place.room.accelerator_count >= 8 for one in answer.candidates)


def test_a_person_is_told_of_nodes_that_are_in_use_too() -> None:
    optimizer = Optimizer()
    optimizer.hear(InfraSurveyed.of(local(in_use=2)))
    answer = optimizer.broker.answer(RankOffers(shape=Shape(), limit=1))
    assert [(str(one.place), one.enabled) for one in answer.candidates] == [("local local", True)]


class Optimizer:
    def __init__(self) -> None:
        self.broker = Broker(OFFERS)
        self.wiring = wiring(self.broker)
        self.rows: dict[Ref, Aggregate] = {}
        self.now = START
        self._count = 0

    def hear(self, *messages: Message) -> Outcome:
        envelopes: list[Envelope] = []
        for message in messages:
            self._count += 1
            envelopes.append(Envelope(f"m{self._count}", message, "test", self.now, ""))
        outcome = fold_batch(self.wiring, self.rows, envelopes, now=self.now, planner=self.broker)
        assert not outcome.refusals
        self.rows.update(outcome.rows)
        return outcome

    def wake(self, seconds: float) -> Outcome:
        self.now += timedelta(seconds=seconds)
        due = [row for row in self.rows.values() if row.wake_at is not None and row.wake_at <= self.now]
        return self.hear(*(Alarm(kind=row.kind, id=row.id) for row in due))

    @property
    def placement(self) -> Placement:
        (row,) = (row for row in self.rows.values() if isinstance(row, Placement))
        return row


def claim(phase: ClaimPhase = ClaimPhase.OPEN, *, version: int = 1, generation: int = 1) -> ClaimLevel:
    return ClaimLevel(
        id="c",
        workspace="w",
        version=version,
        phase=phase,
        generation=generation,
        shape=Shape(),
        count=1,
        retention=Retention.JOB,
        opened_at=START,
    )


def told(outcome: Outcome) -> list[str]:
    return [one.message.name for one in outcome.outbox]


def test_an_infeasible_claim_is_chosen_for_as_soon_as_an_infra_can_serve_it() -> None:
    optimizer = Optimizer()
    assert told(optimizer.hear(ClaimOpened.of(claim()))) == ["infeasible"]
    assert told(optimizer.hear(InfraSurveyed.of(local(in_use=2)))) == ["infeasible"]
    assert told(optimizer.hear(InfraSurveyed.of(local(version=2)))) == ["chosen"]
    assert [place.infra for place in optimizer.placement.ranked] == ["local"]


def test_the_next_round_comes_after_a_pause_and_tries_what_refused_last() -> None:
    optimizer = Optimizer()
    optimizer.hear(InfraSurveyed.of(local()), InfraSurveyed.of(infra("aws")), ClaimOpened.of(claim()))
    first = optimizer.placement.ranked
    assert [place.infra for place in first] == ["local", "aws", "aws"]
    refused = Failure(kind=FailureKind.CAPACITY, scope=Scope.INFRA, message="full")
    ask = NextRound(
        id="c", workspace="w", generation=1, round=1, attempted=(Attempted(place=first[0], failure=refused),)
    )
    assert told(optimizer.hear(ask)) == []
    assert told(optimizer.hear(ask)) == []
    assert told(optimizer.wake(4)) == []
    assert told(optimizer.wake(2)) == ["chosen"]
    assert optimizer.placement.round == 2
    assert [place.infra for place in optimizer.placement.ranked] == ["aws", "aws", "local"]


def test_a_closed_claim_ends_its_placement() -> None:
    optimizer = Optimizer()
    optimizer.hear(InfraSurveyed.of(local()), ClaimOpened.of(claim()))
    assert told(optimizer.hear(ClaimClosed.of(claim(ClaimPhase.CLOSED, version=2)))) == ["closed"]
    assert optimizer.placement.phase is PlacementPhase.CLOSED


def test_a_claim_that_asks_again_gets_a_new_list() -> None:
    optimizer = Optimizer()
    optimizer.hear(InfraSurveyed.of(local()), ClaimOpened.of(claim()))
    assert told(optimizer.hear(ClaimOpened.of(claim(version=3, generation=2)))) == ["chosen"]
    assert (optimizer.placement.generation, optimizer.placement.round) == (2, 2)
