"""`tw mock …`: the scripted clouds, by hand. See docs/guides/practise-an-outage.md."""

import math
from collections.abc import Iterator
from datetime import datetime, timedelta

import click

from tradewind.client.cli import words
from tradewind.client.cli.duration_type import TIME
from tradewind.client.cli.output import output_option, show_json, show_table
from tradewind.client.cli.session import connected
from tradewind.client.records import MockCloud, MockReport, Place


@click.group()
def mock() -> None:
    """Practise an outage: the scripted clouds of this installation, moved by hand."""


@mock.command()
@output_option
def status(*, output: str) -> None:
    """Show what runs in the scripted clouds, what is failing, and what was spent."""
    with connected() as client:
        report = client.mock_status()
    if output == "json":
        show_json(report)
        return
    now = words.now()
    machines = [row for cloud in report.clouds for row in _machines(cloud, now)]
    head = ["NODE", "INSTANCE", "PLACE", "TYPE", "LAUNCHED", "COST", "STATE"]
    show_table(head, machines) if machines else click.echo("No machines.")
    limits = [
        [cloud.infra, each.what, str(each.in_use), "unlimited" if each.nodes is None else str(each.nodes)]
        for cloud in report.clouds
        for each in cloud.limits
    ]
    if limits:
        click.echo()
        show_table(["INFRA", "LIMIT", "IN USE", "NODES"], limits)
    click.echo()
    for cloud in report.clouds:
        click.echo(f"{cloud.infra}: {_count(cloud.machines_ever, 'machine')} so far, {_spent(cloud)}")
        for outage in cloud.outages:
            click.echo(f"{cloud.infra}: {outage.where} is down {_until(outage.until, now)}")


@mock.command()
@click.argument("node")
@click.option("--notice", type=TIME, help="How long before (0s: not at all); else as the script says.")
@output_option
def reclaim(*, node: str, notice: float | None, output: str) -> None:
    """Take a machine away. NODE is its node's id, or the beginning of it."""
    with connected() as client:
        report = client.mock_reclaim(node, notice_s=notice)
    if output == "json":
        show_json(report)
        return
    noticed = {each.node: each.reclaim_at for cloud in report.clouds for each in cloud.machines}
    for each in report.did:
        at = noticed.get(each)
        click.echo(f"node {each} is taken away {f'at {words.clock(at, digits=0)}' if at else 'now'}")


def _some_time(_: click.Context, __: click.Parameter, seconds: float | None) -> float | None:
    if seconds == 0:
        raise click.BadParameter("0 is no time at all: write more, as in 5m")
    return seconds


@mock.command()
@click.argument("where", metavar="ZONE|REGION|INFRA")
@click.option("--for", "lasts", type=TIME, callback=_some_time, help="How long; else until it is healed.")
@output_option
def fail(*, where: str, lasts: float | None, output: str) -> None:
    """Let a zone, a region or a whole scripted cloud go down, with all that runs there."""
    with connected() as client:
        report = client.mock_fail(where, lasts_s=lasts)
    if output == "json":
        show_json(report)
    else:
        click.echo(f"{where} is down {_until_healed(report, where)}: {_count(len(report.did), 'node')} lost")


@mock.command()
@click.argument("where", metavar="[ZONE|REGION|INFRA]", required=False)
@output_option
def heal(*, where: str | None, output: str) -> None:
    """Let what is down be up again: all of it, or one zone, region or cloud."""
    with connected() as client:
        report = client.mock_heal(where)
    if output == "json":
        show_json(report)
    else:
        click.echo("\n".join(f"{each} is up again" for each in report.did) or "Nothing was down.")


def _machines(cloud: MockCloud, now: datetime) -> Iterator[list[str]]:
    for each in cloud.machines:
        if each.reclaim_at is not None:
            state = f"taken away at {words.clock(each.reclaim_at, digits=0)}"
        else:
            state = "up" if each.booted else "booting"
        kind = f"{each.place.instance_type}{' spot' if each.place.spot else ''}"
        since, cost = words.ago(each.launched_at, now), words.usd(each.cost_usd)
        yield [each.node, each.name, _where(each.place), kind, since, cost, state]


def _where(place: Place) -> str:
    return "/".join(part for part in (place.infra, place.region, place.zone) if part)


def _spent(cloud: MockCloud) -> str:
    return f"{words.usd(cloud.spent_usd)} spent"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _until_healed(report: MockReport, where: str) -> str:
    """Of the latest outage of this name."""
    found = [each for cloud in report.clouds for each in cloud.outages if where.endswith(each.where)]
    return _until(max(found, key=lambda each: each.since).until if found else None, words.now())


def _until(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return "until it is healed"
    return f"for {words.duration(timedelta(seconds=math.ceil((moment - now).total_seconds())))}"
