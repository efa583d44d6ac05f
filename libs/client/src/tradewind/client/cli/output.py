"""What goes to standard output: tables for people, JSON for programs."""

import dataclasses
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TextIO, TypeVar

import click

from tradewind.client.records import Json

Command = TypeVar("Command", bound=Callable[..., object])

_GAP = "  "
_USUAL_WIDTH = 80
_COLOURS = {
    "running": "green", "succeeded": "green", "up": "green", "ready": "green", "yes": "green",
    "failed": "red", "lost": "red", "no": "red",
    "recovering": "yellow", "suspect": "yellow", "cancelling": "yellow", "draining": "yellow",
    "seeking": "yellow",
    "queued": "cyan", "starting": "cyan", "launching": "cyan", "submitted": "cyan", "booting": "cyan",
    "cancelled": "bright_black", "terminated": "bright_black",
}  # fmt: skip


def output_option(command: Command) -> Command:
    """`-o table|json`, passed as `output`."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(["table", "json"]),
        default="table",
        show_default=True,
        help="How to show it.",
    )(command)


def show_json(value: object) -> None:
    """A record, or several, as one JSON document. The fields are those of `tradewind.client.records`."""
    click.echo(json.dumps(plain(value), indent=2))


def show_json_line(value: object) -> None:
    """One line, for streams."""
    click.echo(json.dumps(plain(value)))


def plain(value: object) -> Json:
    """The value in what JSON knows."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value.isoformat() if isinstance(value, datetime) else value


def show_table(head: Sequence[str], rows: Iterable[Sequence[str]], *, err: bool = False) -> None:
    """Columns under their names. A terminal gets colour, and the last column cut to its width."""
    cells = [list(map(str, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
    out = sys.stderr if err else sys.stdout
    on_terminal = out.isatty()
    room = _width_of(out) if on_terminal else None
    click.echo(click.style(_line(head, widths, room), bold=True), err=err)
    for row in cells:
        line = _line(row, widths, room)
        click.echo(_painted(line, row) if on_terminal else line, err=err)


def _width_of(terminal: TextIO) -> int:
    try:
        return os.get_terminal_size(terminal.fileno()).columns or _USUAL_WIDTH
    except OSError:
        return _USUAL_WIDTH


def note(text: str) -> None:
    """Something beside the result: to standard error."""
    click.echo(click.style(text, dim=True), err=True)


def _line(row: Sequence[str], widths: Sequence[int], room: int | None) -> str:
    line = _GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    return line if room is None or len(line) <= room else f"{line[: max(room - 1, 0)]}…"


def _painted(line: str, row: Sequence[str]) -> str:
    for cell in row:
        if cell in _COLOURS:
            before, found, after = line.partition(f"{_GAP}{cell}")
            if found:
                return f"{before}{_GAP}{click.style(cell, fg=_COLOURS[cell])}{after}"
    return line
