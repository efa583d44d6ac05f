"""`tw infra`."""

import click

from tradewind.client.cli.output import output_option, show_json, show_table
from tradewind.client.cli.session import connected
from tradewind.client.records import Infra


@click.command()
@output_option
def infra(*, output: str) -> None:
    """Show where tasks can run from here, and why not where they cannot."""
    with connected() as client:
        found = client.infra()
    if output == "json":
        show_json({"infra": found})
        return
    rows = [[each.name, "yes" if each.enabled else "no", _room(each), each.why] for each in found]
    show_table(["INFRA", "ENABLED", "NODES", "WHY"], rows) if rows else click.echo("No infra.")


def _room(infra: Infra) -> str:
    """Of an infra without a catalog: how many of its nodes are taken."""
    return (
        ", ".join(f"{each.in_use}/{each.max_nodes}" for each in infra.offers if each.max_nodes is not None)
        or "-"
    )
