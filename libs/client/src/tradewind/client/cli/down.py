"""`tw down`."""

import click

from tradewind.client.cli.asking import agree
from tradewind.client.cli.output import output_option, show_json
from tradewind.client.cli.session import connected
from tradewind.client.errors import NotFound


@click.command()
@click.argument("clusters", nargs=-1)
@click.option("-a", "--all", "every", is_flag=True, help="Every named cluster.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@output_option
def down(*, clusters: tuple[str, ...], every: bool, yes: bool, output: str) -> None:
    """Take clusters down, with what runs there."""
    if bool(clusters) == every:
        raise click.UsageError("name clusters, or say --all")
    with connected() as client:
        live = [each.name for each in client.clusters() if each.name and each.claim != "closed"]
        missing = sorted(set(clusters) - set(live))
        if missing:  # before anything is done to the others
            raise NotFound(f"there is no cluster {', '.join(missing)}", status=404)
        chosen = live if every else list(dict.fromkeys(clusters))
        if chosen and not yes:
            names = ", ".join(chosen)
            agree(f"Take down {names}?", told=f"this would take down {names}")
        done = [{"cluster": name, "phase": client.down(name)} for name in chosen]
    if output == "json":
        show_json(done)
        return
    for each in done:
        click.echo(f"cluster {each['cluster']}: going down")
    if not done:
        click.echo("No clusters.")
