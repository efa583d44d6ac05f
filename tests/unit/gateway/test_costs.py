from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.common.contracts.allocation import AllocationLevel, AllocationPhase, Seat
from tradewind.common.contracts.node import NodeLevel, NodePhase
from tradewind.common.contracts.values import Place, Room, Share
from tradewind.gateway.domain.costs import Told, job_cost, share_of

START = datetime(2026, 1, 1, tzinfo=UTC)
ROOM = Room(cpus=8, memory_gib=32, accelerator="T4", accelerator_count=2)


def node(id: str, *, price: float, ended_h: float | None = None) -> NodeLevel:
    return NodeLevel(
        id=id,
        workspace="w",
        version=1,
        phase=NodePhase.READY,
        cluster="k",
        claim="c",
        place=Place(infra="i", instance_type="t", room=ROOM, price_usd_h=price),
        instance="x",
        address="a",
        room=ROOM,
        launched_at=START,
        ended_at=None if ended_h is None else at(ended_h),
    )


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def told(hours: float, version: int, phase: AllocationPhase, attempt: int = 1, **nodes: bool) -> Told:
    """`nodes`: by id, whether it is gone."""
    seats = tuple(
        Seat(rank=rank, node=id, address="a", cluster="k", infra="i", share=Share(cpus=4), gone=gone)
        for rank, (id, gone) in enumerate(nodes.items())
    )
    level = AllocationLevel(id="j", workspace="w", version=version, attempt=attempt, phase=phase, seats=seats)
    return Told(at(hours), level)


GRANTED, BROKEN, MENDING, RELEASED, WAITING = (
    AllocationPhase.GRANTED,
    AllocationPhase.BROKEN,
    AllocationPhase.MENDING,
    AllocationPhase.RELEASED,
    AllocationPhase.WAITING,
)
NODES = {"a": node("a", price=2.0), "b": node("b", price=4.0), "c": node("c", price=4.0, ended_h=3)}


@pytest.mark.parametrize(
    ("history", "now_h", "cost"),
    [
        ([], 1, 0.0),
        ([told(0, 1, WAITING)], 1, 0.0),
        ([told(1, 1, GRANTED, a=False)], 1, 0.0),
        ([told(1, 1, GRANTED, a=False)], 3, 2 * 2.0 / 2),
        ([told(1, 1, GRANTED, a=False), told(2, 2, RELEASED, a=False)], 9, 2.0 / 2),
        ([told(0, 1, GRANTED, a=False, b=False), told(1, 2, RELEASED)], 9, (2.0 + 4.0) / 2),
        # One of two nodes is lost after an hour; the other is held until the job gives it back.
        (
            [
                told(0, 1, GRANTED, a=False, b=False),
                told(1, 2, BROKEN, a=True, b=False),
                told(2, 3, RELEASED),
                told(3, 4, GRANTED, attempt=2, a=False),
                told(4, 5, RELEASED, attempt=2),
            ],
            9,
            (1 * 2.0 + 2 * 4.0 + 1 * 2.0) / 2,
        ),
        # The rank of the lost node is started again alone, on another; the first keeps its seat all along.
        (
            [
                told(0, 1, GRANTED, a=False, b=False),
                told(1, 2, BROKEN, a=False, b=True),
                told(1, 3, MENDING, a=False),
                told(2, 4, GRANTED, a=False, c=False),
            ],
            9,
            (9 * 2.0 + 1 * 4.0 + 1 * 4.0) / 2,
        ),
        ([told(1, 1, GRANTED, c=False)], 9, 2 * 4.0 / 2),  # its node ended, and nobody said more
        ([told(1, 1, GRANTED, unknown=False)], 9, 0.0),
    ],
)
def test_cost(history: list[Told], now_h: float, cost: float) -> None:
    found = job_cost("j", history, NODES, now=at(now_h))
    assert found.cost_usd == pytest.approx(cost)
    again = job_cost("j", [*reversed(history), *history], NODES, now=at(now_h))
    assert again == found


def test_a_rank_that_comes_back_to_its_node_is_paid_for_again() -> None:
    """Found while reading: the second stay was taken for the first, which had ended."""
    first = told(0, 1, GRANTED, a=False)
    back = told(2, 3, GRANTED, a=False)
    seats = tuple(seat.but(incarnation=1) for seat in back.level.seats)
    history = [first, told(1, 2, MENDING), Told(back.at, back.level.but(seats=seats))]
    assert job_cost("j", history, NODES, now=at(5)).cost_usd == pytest.approx((1 + 3) * 2.0 / 2)


@given(st.floats(0, 8), st.floats(0, 32), st.integers(0, 2), st.booleans())
def test_a_share_is_a_part(cpus: float, memory: float, devices: int, with_devices: bool) -> None:
    room = ROOM if with_devices else ROOM.but(accelerator=None, accelerator_count=0)
    share = Share(cpus=cpus, memory_gib=memory, devices=tuple(range(devices)))
    part = share_of(share, room)
    assert 0 <= part <= 1
    assert part >= max(cpus / 8, memory / 32) - 1e-9


def test_the_scarcest_thing_counts() -> None:
    assert share_of(Share(cpus=1, devices=(0,)), ROOM) == 0.5
    assert share_of(Share(cpus=8), ROOM) == 1.0
