"""`tw exec`: a task on a cluster that is up."""

from typing import Any

import click

from tradewind.client.cli.exit_codes import MISSING
from tradewind.client.cli.launch import is_up
from tradewind.client.cli.output import output_option
from tradewind.client.cli.session import connected
from tradewind.client.cli.submit import submit_and_follow
from tradewind.client.cli.task_options import read_task, task_options


@click.command()
@click.argument("cluster")
@task_options
@click.option("-d", "--detach-run", "detach", is_flag=True, help="Do not follow the log.")
@output_option
@click.pass_context
def exec(ctx: click.Context, *, cluster: str, detach: bool, output: str, **options: Any) -> None:
    """Run a task on a cluster that is up, without its setup.

    FILE, COMMAND, the log and the exit code are as for `tw launch`.
    """
    task = read_task(**options).without_setup()
    with connected() as client:
        if not is_up(client, cluster):
            click.echo(f"tw: there is no cluster {cluster}: `tw launch -c {cluster}` makes one", err=True)
            ctx.exit(MISSING)
        ctx.exit(submit_and_follow(client, task, cluster=cluster, detach=detach, output=output))
