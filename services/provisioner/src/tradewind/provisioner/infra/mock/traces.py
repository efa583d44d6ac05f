"""Recorded traces of spot capacity, as the steps of a script.

A trace is run-length encoded: rows of `start_tick, len_ticks, available` (nodes that could be had during so
many ticks), a tick being `gap_seconds` long. A file holds one or several, told apart by a column `trace`.
The format is that of the data published with "Can't Be Late" (Wu et al., NSDI 2024), whose index file
(`<name>_index.csv` for `<name>_rle`) holds the `gap_seconds` of each; a file may also have them in a column.
"""

import csv
import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tradewind.provisioner.infra.mock.script import Step, Trace
from tradewind.provisioner.infra.mock.strict import nearest

COLUMNS = ("start_tick", "len_ticks", "available")

Row = Mapping[str, Any]


class TraceRefused(ValueError):
    """A trace that cannot be used, in one sentence."""


def steps_of(trace: Trace, folder: Path) -> tuple[Step, ...]:
    """From `offset` in the recording on, `speed` times as fast. Where it ends, there is nothing any more.

    Raises:
        TraceRefused
    """
    file = folder / Path(trace.file).expanduser()
    rows = _named(_rows(file), trace.name, file)
    gap_s = _gap_s(rows, trace, file)
    steps: list[Step] = []
    ends_s = 0.0
    for start, length, nodes in sorted(_numbers(rows, file)):
        starts_s, ends_s = start * gap_s, (start + length) * gap_s
        if ends_s > trace.offset:
            at_s = max(starts_s - trace.offset, 0.0) / trace.speed
            steps.append(Step(at=at_s, nodes=nodes))
    if not steps:
        raise TraceRefused(f"`offset` is behind the end of the trace, which is {ends_s:.0f} s long")
    return (*steps, Step(at=(ends_s - trace.offset) / trace.speed, nodes=0))


def names_in(file: Path) -> list[str]:
    """Of the traces that a file holds; "" where there is one without a name. Raises TraceRefused."""
    return sorted({str(row.get("trace", "")) for row in _rows(file)})


def _rows(file: Path) -> list[Row]:
    try:
        rows = list(_read_parquet(file) if file.suffix == ".parquet" else _read_csv(file))
    except (OSError, UnicodeDecodeError) as error:
        raise TraceRefused(f"{file} cannot be read: name a trace in CSV or Parquet") from error
    missing = [column for column in COLUMNS if not rows or column not in rows[0]]
    if missing:
        raise TraceRefused(f"{file} has no column {missing[0]!r}: a trace has {', '.join(COLUMNS)}")
    return rows


def _numbers(rows: list[Row], file: Path) -> Iterator[tuple[int, int, int]]:
    """start_tick, len_ticks, available"""
    for row in rows:
        try:
            start, length, nodes = (int(float(row[column])) for column in COLUMNS)
        except (TypeError, ValueError):
            numbers = ", ".join(f"{column} {row[column]!r}" for column in COLUMNS)
            raise TraceRefused(
                f"{file} has a row that is no trace ({numbers}): write whole numbers"
            ) from None
        yield start, length, nodes


def _read_csv(file: Path) -> Iterator[Row]:
    with file.open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)


def _read_parquet(file: Path) -> list[Row]:
    """Few have pyarrow, and it is large: it is loaded where a script names such a file."""
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise TraceRefused(f"{file} needs pyarrow: install it, or turn the trace into CSV") from None
    return parquet.read_table(file).to_pylist()


def _named(rows: list[Row], name: str | None, file: Path) -> list[Row]:
    names = sorted({str(row.get("trace", "")) for row in rows})
    if name is None and len(names) == 1:
        return rows
    if name is None:
        raise TraceRefused(f"{file} holds {len(names)} traces: write `name: {names[0]}`, or another")
    if name not in names:
        raise TraceRefused(f"{file} holds no trace {name!r}: {nearest(name, names[:20])}")
    return [row for row in rows if row.get("trace") == name]


def _gap_s(rows: list[Row], trace: Trace, file: Path) -> float:
    if "gap_seconds" in rows[0]:
        return _gap(rows[0], file)
    index = file.with_name(f"{file.stem.removesuffix('_rle')}_index.csv")
    if index.exists():
        for row in _read_csv(index):
            if row.get("trace") == rows[0].get("trace"):
                return _gap(row, index)
    raise TraceRefused(f"how long a tick is, neither {file} says (gap_seconds) nor {index}")


def _gap(row: Row, file: Path) -> float:
    try:
        gap_s = float(row["gap_seconds"])
    except (KeyError, TypeError, ValueError):
        gap_s = 0.0
    if not 0.0 < gap_s < float("inf"):
        raise TraceRefused(f"{file} says no length of a tick (gap_seconds): write seconds, as in 600")
    return gap_s
