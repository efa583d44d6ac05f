"""`tw launch`: a task on a cluster that stays until it is taken down."""

import getpass
import re
import secrets
from typing import Any

import click

from tradewind.client.cli.output import note, output_option, show_json
from tradewind.client.cli.price import agree_to_price, ask_price, show_offers
from tradewind.client.cli.session import connected
from tradewind.client.cli.submit import submit_and_follow
from tradewind.client.cli.task_options import read_task, task_options
from tradewind.client.client import Client
from tradewind.client.errors import NotFound


@click.command()
@task_options
@click.option("-c", "--cluster", metavar="NAME", help="Cluster to use; made if it is not there.")
@click.option("--priority", type=click.IntRange(-1000, 1000), default=0, help="Higher goes first.")
@click.option("-d", "--detach-run", "detach", is_flag=True, help="Do not follow the log.")
@click.option("-y", "--yes", is_flag=True, help="Agree to the price.")
@click.option("--dryrun", is_flag=True, help="Only check the task and show what it would cost.")
@output_option
@click.pass_context
def launch(
    ctx: click.Context,
    *,
    cluster: str | None,
    priority: int,
    detach: bool,
    yes: bool,
    dryrun: bool,
    output: str,
    **options: Any,
) -> None:
    """Run a task on a cluster of its own, or on a named one.

    The task is a file (one word ending in .yaml or .yml), `-` for standard input, or a command. The cluster
    stays when the task has ended: `tw exec` uses it again, `tw down` takes it down. The log of all nodes is
    followed; ctrl-C stops following, not the task. `tw` ends with the task's exit code.
    """
    task = read_task(**options)
    with connected() as client:
        if dryrun:
            offers = ask_price(client, task)
            if output == "json":
                show_json(offers)
            else:
                show_offers(offers)
            return
        if cluster is None or not is_up(client, cluster):
            agree_to_price(client, task, yes=yes, quiet=output == "json")
        cluster = cluster or _new_name()
        code = submit_and_follow(
            client, task, cluster=cluster, priority=priority, detach=detach, output=output
        )
        if output != "json":
            note(f"cluster {cluster} stays: `tw exec {cluster} …` uses it, `tw down {cluster}` takes it down")
        ctx.exit(code)


def is_up(client: Client, name: str) -> bool:
    """Whether there is such a cluster, which costs no more for one job more."""
    try:
        return client.cluster(name).claim != "closed"
    except NotFound:
        return False


def _new_name() -> str:
    """As SkyPilot names clusters: some letters, and who launched it."""
    try:
        user = re.sub(r"[^A-Za-z0-9]", "", getpass.getuser())[:16]
    except (KeyError, OSError):  # a user id without a name
        user = ""
    return "-".join(part for part in ("tw", secrets.token_hex(2), user) if part)
