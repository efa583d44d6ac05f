"""The statement of a service: always the same, and never short of a row."""

import re
from datetime import UTC, datetime
from typing import ClassVar

import pytest

from tradewind.common.db.commit import Commit
from tradewind.common.reactor.aggregate import Aggregate
from tradewind.common.reactor.ports import Batch, Lease

LEASE = Lease("house", 0, 1, "me")


class Door(Aggregate):
    kind: ClassVar[str] = "door"

    @property
    def phase_name(self) -> str:
        return "open"

    @property
    def terminal(self) -> bool:
        return False


class Window(Door):
    kind: ClassVar[str] = "window"


def door(door_id: str) -> Door:
    return Door(id=door_id, workspace="home", version=2, wake_at=datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    "batch", [Batch(), Batch(created=[door("b"), door("a")], updated=[(door("d"), 1), (door("c"), 1)])]
)
def test_every_parameter_has_its_argument(batch: Batch) -> None:
    commit = Commit("house", (Door, Window))
    numbers = [int(number) for number in re.findall(r"\$(\d+)", commit.sql)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(commit.arguments(LEASE, batch, ttl_s=1)) == len(numbers)


def test_rows_are_written_in_the_order_of_their_ids() -> None:
    batch = Batch(created=[door("b"), door("a")], updated=[(door("d"), 1), (door("c"), 1)])
    arguments = Commit("house", (Door,)).arguments(LEASE, batch, ttl_s=1)
    assert [one for one in arguments if one in (("a", "b"), ("c", "d"))] == [("c", "d"), ("a", "b")]


@pytest.mark.parametrize("strays", [Batch(created=[door("a")]), Batch(updated=[(door("a"), 1)])])
def test_a_row_of_an_unknown_kind_is_not_lost_in_silence(strays: Batch) -> None:
    with pytest.raises(TypeError, match="house has no rows of kind door"):
        Commit("house", (Window,)).arguments(LEASE, strays, ttl_s=1)
