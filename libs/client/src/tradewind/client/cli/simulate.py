"""`tw simulate`: what a workload would take and cost on an infra, without running it."""

import importlib
import sys
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import click

from tradewind.client.cli.output import note, plain, show_json, show_table
from tradewind.client.cli.words import duration
from tradewind.client.errors import TradewindError
from tradewind.client.lazy import LazyModule

if TYPE_CHECKING:  # needed on a terminal, and for one form of output
    import yaml
    from rich import console as consoles
    from rich import progress as bars
else:
    yaml = LazyModule("yaml")
    bars = LazyModule("rich.progress")
    consoles = LazyModule("rich.console")

Told = Callable[..., None]


_WHY_IT_STOPPED = {
    "until": "that is as long as --until says, and not everything had ended",
    "stuck": "what still waits would wait for ever",
}


class SimulatorMissing(TradewindError):
    """The simulator is not installed."""


class NotWritten(TradewindError):
    """The picture could not be written."""


class Table(Protocol):
    title: str
    head: Sequence[str]
    rows: Iterable[Sequence[str]]


class WhatIf(Protocol):
    """`tradewind.simulator.whatif.told`: a package above this one, and not always installed, so it is loaded
    by name.
    """

    simulate: Callable[..., list[Any]]
    tables: Callable[[Sequence[Any]], list[Table]]
    drawer: Callable[[str], Callable[[Sequence[Any]], bytes]]


@click.command()
@click.argument("workload", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--infra",
    required=True,
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="What the clouds are like: a script of the mock infra.",
)
@click.option(
    "--compare",
    metavar="FILE|WORD",
    multiple=True,
    help="Another infra file; or spot, on-demand, FAILOVER, EAGER_NEXT_REGION for all tasks. Repeatable.",
)
@click.option(
    "--trace",
    "traces",
    metavar="[ZONE=]FILE[#NAME]",
    multiple=True,
    help="Recorded spot capacity of a zone, in CSV or Parquet. Repeatable.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of all chance.")
@click.option("--until", metavar="TIME", help="Stop after so much simulated time, as in 12h or 30d.")
@click.option(
    "--picture",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw utilisation and spend over time: FILE.svg or FILE.png.",
)
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json", "yaml"]),
    default="table",
    show_default=True,
    help="How to show it.",
)
def simulate(
    *,
    workload: Path,
    infra: Path,
    compare: tuple[str, ...],
    traces: tuple[str, ...],
    seed: int,
    until: str | None,
    picture: Path | None,
    output: str,
) -> None:
    """Tell how long a workload takes and what it costs on an infra, without running it.

    WORKLOAD says what is submitted when and how long it runs; the infra file says where machines are sold, at
    what price, and what goes wrong. Everything is decided by the rules that decide in production, in virtual
    time. With --compare there is a column for each.
    """
    what_if = _what_if()
    draw = None if picture is None else what_if.drawer(picture.suffix)
    with _progress() as told:
        reports = what_if.simulate(
            workload, infra, compare=compare, traces=traces, seed=seed, until=until, told=told
        )
    if output == "table":
        _show(what_if.tables(reports))
    else:
        _show_plainly(reports, compared=bool(compare), output=output)
    for report in reports:
        if report.ended in _WHY_IT_STOPPED:
            after = duration(timedelta(seconds=report.simulated_s))
            note(f"{report.infra}: stopped after {after}: {_WHY_IT_STOPPED[report.ended]}")
    if picture is not None and draw is not None:
        _write(picture, draw(reports))


def _write(picture: Path, drawn: bytes) -> None:
    """Raises NotWritten."""
    try:
        picture.write_bytes(drawn)
    except OSError as error:
        raise NotWritten(f"{picture} cannot be written: {(error.strerror or '').lower()}") from error
    note(f"the picture is in {picture}")


def _what_if() -> WhatIf:
    """Raises SimulatorMissing."""
    try:
        return cast("WhatIf", importlib.import_module("tradewind.simulator.whatif.told"))
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith(("tradewind.simulator", "tradewind.provisioner")):
            raise
        raise SimulatorMissing("the simulator is not installed: `pip install tradewind-simulator`") from error


def _show(tables: Iterable[Table]) -> None:
    for table in tables:
        if table.title:
            click.echo()
            click.echo(click.style(table.title, bold=True))
        show_table(table.head, table.rows)


def _show_plainly(reports: Sequence[Any], *, compared: bool, output: str) -> None:
    """One report, or a list of them where several were asked for."""
    shown = list(reports) if compared else reports[0]
    if output == "json":
        show_json(shown)
    else:
        click.echo(yaml.safe_dump(plain(shown), sort_keys=False, allow_unicode=True), nl=False)


@contextmanager
def _progress() -> Generator[Told | None]:
    """A bar on a terminal; it goes when it is full."""
    if not sys.stderr.isatty():
        yield None
        return
    columns = (
        "{task.description}",
        bars.BarColumn(),
        "{task.completed} of {task.total} jobs",
        "{task.fields[after]} simulated",
    )
    shown: dict[str, bars.TaskID] = {}
    with bars.Progress(*columns, console=consoles.Console(stderr=True), transient=True) as bar:

        def told(what: str, *, over: int, jobs: int, now: float) -> None:
            if what not in shown:
                shown[what] = bar.add_task(what, total=jobs, after="")
            bar.update(shown[what], completed=over, after=duration(timedelta(seconds=now)))

        yield told
