"""A trace of jobs as CSV: `submit_s` and `run_s`, and if wanted `gpus`, `cpus`, `nodes` and `name`.

Seconds count from the beginning of the trace; the rest asks for as much of each node. What a row does not say
is as in the entry's task.
"""

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from tradewind.client.task import Position, Problem
from tradewind.common.contracts.task import RoleSpec
from tradewind.simulator.whatif.fields import FileRefused
from tradewind.simulator.whatif.workload import Arrivals, Duration, Entry

NEEDED = ("submit_s", "run_s")
MORE = ("gpus", "cpus", "nodes", "name")

T = TypeVar("T")


@dataclass(slots=True)
class Row:
    """One line of a CSV file. A cell that cannot be read refuses the file."""

    file: str
    line: int
    cells: Mapping[str, str | None]

    def read(self, column: str, understand: Callable[[str], T], default: T) -> T:
        text = (self.cells.get(column) or "").strip()
        if not text:
            return default
        try:
            return understand(text)
        except ValueError:
            raise self.refused(column, f"{text!r} is not a number") from None

    def refused(self, column: str, text: str) -> FileRefused:
        return FileRefused(self.file, [Problem(column, text, Position(self.line, 1))])


def rows(path: Path, *, needed: tuple[str, ...], known: tuple[str, ...]) -> Iterator[Row]:
    """The lines of a CSV file with a head. Raises FileRefused: unreadable, or a column missing or unknown."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            head = tuple(reader.fieldnames or ())
            _check(head, path, needed=needed, known=known)
            for cells in reader:
                yield Row(str(path), reader.line_num, cells)
    except OSError as error:
        why = f"cannot be read: {(error.strerror or '').lower()}"
        raise FileRefused(str(path), [Problem("", why)]) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise FileRefused(str(path), [Problem("", f"is no CSV text: {error}")]) from error


def _check(head: tuple[str, ...], path: Path, *, needed: tuple[str, ...], known: tuple[str, ...]) -> None:
    missing = [column for column in needed if column not in head]
    strange = [column for column in head if column not in (*needed, *known)]
    form = f"the columns are {', '.join(needed)}" + (f", and if wanted {', '.join(known)}" if known else "")
    if missing:
        raise FileRefused(str(path), [Problem("", f"has no column {missing[0]!r}: {form}", Position(1, 1))])
    if strange:
        raise FileRefused(
            str(path), [Problem("", f"column {strange[0]!r} is unknown: {form}", Position(1, 1))]
        )


def read_jobs(path: Path, *, like: Entry) -> list[Entry]:
    """One entry a row. Raises FileRefused."""
    return [_entry(row, like) for row in rows(path, needed=NEEDED, known=MORE)]


def _entry(row: Row, like: Entry) -> Entry:
    submit_s, run_s = row.read("submit_s", float, -1.0), row.read("run_s", float, -1.0)
    if submit_s < 0:
        raise row.refused("submit_s", "must be 0 or more seconds from the beginning")
    if run_s <= 0:
        raise row.refused("run_s", "must be more than 0 seconds")
    roles = tuple(_role(row, role) for role in like.spec.roles)
    name = row.read("name", str, like.name)
    return replace(
        like,
        spec=like.spec.but(roles=roles),
        arrivals=Arrivals(at_s=submit_s),
        runs_for=Duration(run_s),
        name=name,
    )


def _role(row: Row, role: RoleSpec) -> RoleSpec:
    shape, gpus = role.shape, row.read("gpus", float, None)
    if gpus is not None:
        if gpus and shape.accelerator is None:
            raise row.refused("gpus", "of which kind? Write `resources: {accelerators: V100}` in the task")
        count = int(gpus)
        shape = shape.but(accelerator=shape.accelerator if count else None, accelerator_count=count)
    shape = shape.but(cpus=row.read("cpus", float, shape.cpus))
    return role.but(shape=shape, count=row.read("nodes", int, role.count))
