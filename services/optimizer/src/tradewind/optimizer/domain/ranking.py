"""Filters and price: which offers can serve a demand, cheapest first, or why there is none."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tradewind.catalog.accelerators import satisfies
from tradewind.catalog.offers import Offer
from tradewind.common.contracts.node import InfraLevel
from tradewind.common.contracts.placement import Candidate
from tradewind.common.contracts.values import Place, Room, Shape


@dataclass(frozen=True, slots=True)
class Listed:
    """The offers of the catalog as places, by the way in which they are sold."""

    on_demand: tuple[Place, ...]
    spot: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Ranking:
    """`candidates` best first; `why_none` is one sentence where it is empty."""

    candidates: tuple[Candidate, ...]
    considered: int
    why_none: str = ""


def rank(shape: Shape, count: int, *, listed: Listed, infras: Mapping[str, InfraLevel]) -> Ranking:
    """Every offer that fits `count` nodes of `shape`, those of the catalog and those that the infras yield
    themselves.

    Cheapest first; among equals those that can be launched now, then by name so that the order is always
    the same.
    """
    own = [
        (offer.place, None if offer.max_nodes is None else offer.max_nodes - offer.in_use)
        for infra in infras.values()
        for offer in infra.offers
        if offer.place.spot == shape.use_spot or (shape.use_spot and offer.place.price_usd_h == 0.0)
    ]
    sold = listed.spot if shape.use_spot else listed.on_demand
    places = [*((place, None) for place in sold), *own]
    fitting = [(place, free) for place, free in places if _fits(place, shape)]
    roomy = [place for place, free in fitting if free is None or free >= count]
    candidates = [
        Candidate(
            place=place, enabled=_enabled(place, infras), hourly_usd=round(place.price_usd_h * count, 6)
        )
        for place in roomy
    ]
    candidates.sort(key=lambda one: (one.hourly_usd, not one.enabled, str(one.place)))
    return Ranking(
        candidates=tuple(candidates),
        considered=len(places),
        why_none="" if candidates else _why_none(shape, count, places=places, fitting=fitting, infras=infras),
    )


def launchable(ranking: Ranking, infras: Mapping[str, InfraLevel]) -> Ranking:
    """Only what this installation can launch now."""
    enabled = tuple(one for one in ranking.candidates if one.enabled)
    if enabled or not ranking.candidates:
        return Ranking(enabled, ranking.considered, ranking.why_none)
    cheapest = ranking.candidates[0]
    known = ", ".join(sorted(name for name, infra in infras.items() if infra.enabled)) or "none"
    return Ranking(
        (),
        ranking.considered,
        f"{len(ranking.candidates)} offers would fit, such as {cheapest.place} "
        f"at ${cheapest.hourly_usd:.2f}/h, but on no infra that is enabled here ({known})",
    )


def cheapest_by_type(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """The best offer of each instance type and infra, in order: what a person wants to compare."""
    best: dict[tuple[str, str, bool], Candidate] = {}
    for one in candidates:
        best.setdefault((one.place.infra, one.place.instance_type, one.place.spot), one)
    return tuple(best.values())


def list_offers(offers: Iterable[Offer]) -> Listed:
    """Made once: a demand is compared with hundreds of places, each time."""
    offers = tuple(offers)
    return Listed(
        on_demand=tuple(_place(offer, offer.price_usd_h, spot=False) for offer in offers),
        spot=tuple(
            _place(offer, price, spot=True) for offer in offers if (price := offer.spot_usd_h) is not None
        ),
    )


def _place(offer: Offer, price_usd_h: float, *, spot: bool) -> Place:
    return Place(
        infra=offer.infra,
        region=offer.region,
        zone=offer.zone or "",
        instance_type=offer.instance_type,
        room=Room(
            cpus=offer.vcpus,
            memory_gib=offer.memory_gib,
            accelerator=offer.accelerator,
            accelerator_count=offer.accelerator_count,
        ),
        spot=spot,
        price_usd_h=price_usd_h,
        on_demand_usd_h=offer.price_usd_h,
    )


def _fits(place: Place, shape: Shape) -> bool:
    room = place.room
    return (
        _is_there(place, shape)
        and room.cpus >= shape.cpus
        and room.memory_gib >= shape.memory_gib
        and _has_accelerator(room, shape)
    )


def _has_accelerator(room: Room, shape: Shape) -> bool:
    """An accelerator that was not asked for is not paid for either."""
    if not shape.accelerator_count or shape.accelerator is None:
        return room.accelerator is None
    return (
        room.accelerator is not None
        and room.accelerator_count >= shape.accelerator_count
        and satisfies(room.accelerator, shape.accelerator)
    )


def _is_there(place: Place, shape: Shape) -> bool:
    """`infra[/region[/zone]]`, `*` for any. An offer without a zone is sold in each zone of its region."""
    if shape.infra is None:
        return True
    where = (place.infra, place.region, place.zone)
    asked = shape.infra.split("/")
    return all(
        want in ("*", got) or (depth == 2 and not got)
        for depth, (want, got) in enumerate(zip(asked, where, strict=False))
    )


def _enabled(place: Place, infras: Mapping[str, InfraLevel]) -> bool:
    infra = infras.get(place.infra)
    return infra is not None and infra.enabled


def _why_none(
    shape: Shape,
    count: int,
    *,
    places: Sequence[tuple[Place, int | None]],
    fitting: Sequence[tuple[Place, int | None]],
    infras: Mapping[str, InfraLevel],
) -> str:
    """The filter that left nothing, and what would help."""
    if fitting:
        return _why_not_now(count, fitting, infras)
    there = [place for place, _ in places if _is_there(place, shape)]
    if not there:
        return f"no offer lies in {shape.infra}" if shape.infra else "no infra has said yet what it offers"
    with_accelerator = [place for place in there if _has_accelerator(place.room, shape)]
    where = f" in {shape.infra}" if shape.infra else ""
    if not with_accelerator:
        asked = (
            f"{shape.accelerator}:{shape.accelerator_count}" if shape.accelerator_count else "no accelerator"
        )
        return f"no offer with {asked}{where}"
    cpus = max(place.room.cpus for place in with_accelerator)
    memory = max(place.room.memory_gib for place in with_accelerator)
    return (
        f"no offer{where} with {shape.cpus:g} CPUs and {shape.memory_gib:g} GiB; "
        f"the most there is: {cpus:g} CPUs, {memory:g} GiB"
    )


def _why_not_now(
    count: int, fitting: Sequence[tuple[Place, int | None]], infras: Mapping[str, InfraLevel]
) -> str:
    """It would fit, but there is no room for all of it: now, or ever."""
    place, free = max(fitting, key=lambda one: one[1] or 0)
    most = max(offer.max_nodes or 0 for offer in infras[place.infra].offers)
    if count > most:
        return f"{place.infra} yields {most} nodes at most, {count} are needed"
    return (
        f"{place.infra} has {free} of {most} nodes free, {count} are needed; "
        "it goes on as soon as others end theirs"
    )
