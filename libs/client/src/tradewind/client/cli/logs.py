"""`tw logs` and `tw jobs logs`."""

import sys
from collections.abc import Callable
from typing import TypeVar

import click

from tradewind.client.cli.follow import Screen, follow, show
from tradewind.client.cli.outcome import exit_code_of
from tradewind.client.cli.session import connected
from tradewind.client.cli.which_job import is_job, newest_of, on_cluster
from tradewind.client.client import Client
from tradewind.client.records import JobInfo

Command = TypeVar("Command", bound=Callable[..., object])

_OPTIONS = (
    click.option(
        "-f/--no-follow", "--follow/--no-follow", "following", default=True, help="Go on to the end."
    ),
    click.option("--tail", type=click.IntRange(min=0), metavar="N", help="From the last N lines on."),
    click.option("-w", "--worker", "rank", type=click.IntRange(min=0), metavar="RANK", help="Only one rank."),
)


def _log_options(command: Command) -> Command:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command()
@click.argument("words", metavar="[CLUSTER] [JOB]", nargs=-1, required=True)
@_log_options
@click.pass_context
def logs(
    ctx: click.Context, *, words: tuple[str, ...], following: bool, tail: int | None, rank: int | None
) -> None:
    """Follow the log of a job: of all its ranks, through restarts and recoveries.

    JOB is its id or number; CLUSTER alone means its newest job. `tw` ends with the job's exit code, with 101
    if the job has not ended.
    """
    with connected() as client:
        match words:
            case (job,) if is_job(job):
                info = client.job_info(job)
            case (cluster,):
                info = newest_of(client, cluster)
            case (cluster, job):
                info = on_cluster(client, cluster, job)
            case _:
                raise click.UsageError("name one job: `tw logs JOB`, or `tw logs CLUSTER JOB`")
        ctx.exit(_show(client, info, following=following, tail=tail, rank=rank))


@click.command("logs")
@click.argument("job")
@_log_options
@click.pass_context
def jobs_logs(ctx: click.Context, *, job: str, following: bool, tail: int | None, rank: int | None) -> None:
    """Follow the log of a job. The exit code is as for `tw logs`."""
    with connected() as client:
        ctx.exit(_show(client, client.job_info(job), following=following, tail=tail, rank=rank))


def _show(client: Client, job: JobInfo, *, following: bool, tail: int | None, rank: int | None) -> int:
    if following:
        return follow(client, job, since=job.observed_at, tail=tail, rank=rank)
    screen = Screen(sys.stdout, ranks=1 if rank is not None else job.size)
    end = show(client.logs(job.id, follow=False, tail=tail, rank=rank), screen)
    return exit_code_of(end)
