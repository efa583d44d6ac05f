"""What a job cost: for each of its seats, the time that it had it, times its share of the node's price."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from tradewind.common.contracts.allocation import AllocationLevel, AllocationPhase, Seat
from tradewind.common.contracts.base import Value
from tradewind.common.contracts.node import NodeLevel
from tradewind.common.contracts.values import Room, Share

HELD = frozenset(
    {AllocationPhase.GRANTED, AllocationPhase.MENDING, AllocationPhase.BROKEN, AllocationPhase.REVOKED}
)
"""A broken or revoked allocation still holds its seats until the job has given them back."""


@dataclass(frozen=True, slots=True)
class Told:
    """An allocation's level, and when it was said."""

    at: datetime
    level: AllocationLevel


class SeatCost(Value):
    """`until` is null while the job still has the seat. `share` is the part of the node's price that it
    bears.
    """

    attempt: int
    rank: int
    node: str
    since: datetime
    until: datetime | None
    share: float
    price_usd_h: float
    cost_usd: float


class JobCost(Value):
    job: str
    cost_usd: float
    seats: tuple[SeatCost, ...]
    observed_at: datetime


@dataclass(slots=True)
class _Stay:
    attempt: int
    seat: Seat
    since: datetime
    until: datetime | None = None


def job_cost(job: str, told: Iterable[Told], nodes: Mapping[str, NodeLevel], *, now: datetime) -> JobCost:
    """`told` may hold repetitions, in any order; a seat on a node that is not in `nodes` costs nothing."""
    seats = tuple(
        _seat_cost(stay, nodes[stay.seat.node], now) for stay in _stays(told) if stay.seat.node in nodes
    )
    return JobCost(job=job, cost_usd=sum(seat.cost_usd for seat in seats), seats=seats, observed_at=now)


def _stays(told: Iterable[Told]) -> list[_Stay]:
    stays: dict[tuple[int, int, int, str], _Stay] = {}
    """By attempt, rank, incarnation and node: a rank may be started again alone, there or elsewhere."""
    for one in sorted(told, key=lambda one: one.level.version):
        level = one.level
        seats = level.seats if level.phase in HELD else ()
        held = {(level.attempt, seat.rank, seat.incarnation, seat.node): seat for seat in seats}
        for key, stay in stays.items():
            if stay.until is None and (key not in held or held[key].gone):
                stay.until = one.at
        for key, seat in held.items():
            stays.setdefault(key, _Stay(level.attempt, seat, one.at))
    return [stays[key] for key in sorted(stays)]


def _seat_cost(stay: _Stay, node: NodeLevel, now: datetime) -> SeatCost:
    ends = [end for end in (stay.until, node.ended_at) if end is not None]
    until = min(ends) if ends else None
    hours = max(((until or now) - stay.since).total_seconds(), 0.0) / 3600
    share = share_of(stay.seat.share, node.room)
    return SeatCost(
        attempt=stay.attempt,
        rank=stay.seat.rank,
        node=node.id,
        since=stay.since,
        until=until,
        share=share,
        price_usd_h=node.place.price_usd_h,
        cost_usd=hours * share * node.place.price_usd_h,
    )


def share_of(share: Share, room: Room) -> float:
    """The largest part that it takes of anything the node has: what is left beside it is of that much less
    use.
    """
    parts = [
        (share.cpus, room.cpus),
        (share.memory_gib, room.memory_gib),
        (len(share.devices), room.accelerator_count),
    ]
    return min(1.0, max((taken / whole for taken, whole in parts if whole > 0), default=1.0))
