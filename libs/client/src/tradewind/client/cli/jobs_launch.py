"""`tw jobs launch`."""

from typing import Any

import click

from tradewind.client.cli.output import output_option
from tradewind.client.cli.price import agree_to_price
from tradewind.client.cli.session import connected
from tradewind.client.cli.submit import submit_and_follow, submit_array
from tradewind.client.cli.task_options import read_task, task_options


@click.command()
@task_options
@click.option("--num-jobs", type=click.IntRange(1, 1_000_000), metavar="N", help="Run so many jobs of it.")
@click.option("--priority", type=click.IntRange(-1000, 1000), default=0, help="Higher goes first.")
@click.option(
    "--max-restarts-on-errors",
    "max_restarts",
    type=click.IntRange(min=0),
    metavar="N",
    help="How often to start it again after a failure of its own; lost nodes do not count.",
)
@click.option("-d", "--detach-run", "detach", is_flag=True, help="Do not follow the log.")
@click.option("-y", "--yes", is_flag=True, help="Agree to the price.")
@output_option
@click.pass_context
def launch(
    ctx: click.Context,
    *,
    num_jobs: int | None,
    priority: int,
    max_restarts: int | None,
    detach: bool,
    yes: bool,
    output: str,
    **options: Any,
) -> None:
    """Run a task as a managed job.

    It gets nodes for as long as it runs, and is started again when it loses one. FILE, COMMAND, the log and
    the exit code are as for `tw launch`. With --num-jobs the jobs are an array (each finds its place in
    SKYPILOT_JOB_RANK) and are not followed.
    """
    task = read_task(**options)
    with connected() as client:
        agree_to_price(client, task, yes=yes, quiet=output == "json")
        if num_jobs is not None:
            submit_array(
                client, task, count=num_jobs, priority=priority, max_restarts=max_restarts, output=output
            )
            return
        ctx.exit(
            submit_and_follow(
                client, task, priority=priority, max_restarts=max_restarts, detach=detach, output=output
            )
        )
