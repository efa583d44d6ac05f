"""Rows of older releases, and rows that cannot be read."""

from typing import Any, ClassVar

import pytest

from tradewind.common.db.rows import COLUMNS, Reader, Unreadable, columns_of
from tradewind.common.reactor.aggregate import Aggregate


class Box(Aggregate):
    kind: ClassVar[str] = "box"
    schema_v: ClassVar[int] = 3

    width_cm: int

    @property
    def phase_name(self) -> str:
        return "closed"

    @property
    def terminal(self) -> bool:
        return True


def to_2(fields: dict[str, Any]) -> dict[str, Any]:
    return {**fields, "width_inch": fields["width"]}


def to_3(fields: dict[str, Any]) -> dict[str, Any]:
    return {**fields, "width_cm": round(fields["width_inch"] * 2.54)}


UPGRADES = {("box", 1): to_2, ("box", 2): to_3}
BOX = Box(id="a", workspace="home", version=5, width_cm=254)

STATES = {
    1: '{"id": "a", "workspace": "home", "version": 5, "width": 100}',
    2: '{"id": "a", "workspace": "home", "version": 5, "width_inch": 100}',
    3: '{"id": "a", "workspace": "home", "version": 5, "width_cm": 254, "of_a_newer_release": true}',
}


@pytest.mark.parametrize("schema_v", STATES)
def test_a_row_of_any_release_is_read(schema_v: int) -> None:
    assert Reader((Box,), upgrades=UPGRADES).read("box", STATES[schema_v], schema_v) == BOX


def test_a_missing_upgrade_is_seen_at_the_start() -> None:
    with pytest.raises(TypeError, match="no upgrade of box from schema_v 1"):
        Reader((Box,), upgrades={("box", 2): to_3})


def test_a_row_of_a_newer_release_is_not_guessed_at() -> None:
    with pytest.raises(Unreadable, match="schema_v 4 by a newer release; this one knows 3"):
        Reader((Box,), upgrades=UPGRADES).read("box", STATES[3], 4)


def test_a_row_that_does_not_fit_is_told_without_its_content() -> None:
    with pytest.raises(Unreadable) as error:
        Reader((Box,), upgrades=UPGRADES).read(
            "box", '{"id": "a", "workspace": "w", "width_cm": "secret"}', 3
        )
    assert "width_cm" in str(error.value)
    assert "secret" not in str(error.value)


def test_columns_are_those_of_the_properties() -> None:
    [(*values,)] = zip(*columns_of([BOX]), strict=True)
    named = dict(zip(COLUMNS, values, strict=True))
    state = named.pop("state")
    assert Box.model_validate_json(str(state)) == BOX
    assert named == {
        "id": "a",
        "workspace": "home",
        "phase": "closed",
        "version": 5,
        "terminal": True,
        "wake_at": None,
        "parked": "",
        "schema_v": 3,
    }


def test_no_rows_are_empty_columns() -> None:
    assert columns_of([]) == [()] * len(COLUMNS)
