"""An aggregate as columns, and back from its stored JSON."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from tradewind.common.reactor.aggregate import Aggregate

Upgrade = Callable[[dict[str, Any]], dict[str, Any]]
"""The state of a row as of one `schema_v` → as of the next one. Must not fail on any row that was ever
written.
"""

COLUMNS = {
    "id": "text",
    "workspace": "text",
    "phase": "text",
    "version": "bigint",
    "terminal": "boolean",
    "wake_at": "timestamptz",
    "parked": "text",
    "state": "text",
    "schema_v": "integer",
}
"""What is written of an aggregate, with the type in which it travels."""


class Unreadable(Exception):
    """A stored row that this release does not understand. Going on without it would lose it: the process
    must end.
    """


def columns_of(rows: Iterable[Aggregate]) -> list[Sequence[object]]:
    """The values of `rows`, one sequence a column of COLUMNS."""
    values = [
        (
            row.id,
            row.workspace,
            row.phase_name,
            row.version,
            row.terminal,
            row.wake_at,
            row.parked,
            row.model_dump_json(),
            row.schema_v,
        )
        for row in rows
    ]
    return list(zip(*values, strict=True)) if values else [()] * len(COLUMNS)


class Reader:
    """Makes aggregates from rows, old ones included.

    `upgrades` by (kind, `schema_v` of the row): each leads to the next `schema_v`.
    """

    def __init__(
        self, kinds: Iterable[type[Aggregate]], *, upgrades: Mapping[tuple[str, int], Upgrade] | None = None
    ) -> None:
        self._kinds = {kind.kind: kind for kind in kinds}
        self._upgrades = upgrades or {}
        for kind, version in (
            (name, v) for name, known in self._kinds.items() for v in range(1, known.schema_v)
        ):
            if (kind, version) not in self._upgrades:
                raise TypeError(f"no upgrade of {kind} from schema_v {version}, and rows of it may exist")

    def read(self, kind: str, state: str, schema_v: int) -> Aggregate:
        """The aggregate in a row.

        Raises Unreadable.
        """
        known = self._kinds[kind]
        if schema_v > known.schema_v:
            raise Unreadable(
                f"a {kind} was written as schema_v {schema_v} by a newer release; "
                f"this one knows {known.schema_v}"
            )
        try:
            if schema_v == known.schema_v:
                return known.model_validate_json(state)
            fields = json.loads(state)
            for version in range(schema_v, known.schema_v):
                fields = self._upgrades[kind, version](fields)
            return known.model_validate(fields)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise Unreadable(
                f"a stored {kind} (schema_v {schema_v}) does not fit: {where}: {first['msg']}"
            ) from None
