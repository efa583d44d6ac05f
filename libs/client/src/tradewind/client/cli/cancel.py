"""`tw cancel` and `tw jobs cancel`."""

from collections.abc import Iterable

import click

from tradewind.client.cli.asking import agree
from tradewind.client.cli.output import output_option, show_json
from tradewind.client.cli.queue import ACTIVE
from tradewind.client.cli.session import connected
from tradewind.client.cli.which_job import is_job, on_cluster
from tradewind.client.client import Client
from tradewind.client.records import ENDED


@click.command()
@click.argument("words", metavar="[CLUSTER] [JOBS]...", nargs=-1)
@click.option("-a", "--all", "every", is_flag=True, help="All jobs, or all of CLUSTER, that have not ended.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@output_option
def cancel(*, words: tuple[str, ...], every: bool, yes: bool, output: str) -> None:
    """End jobs, at whatever stage they are. The jobs of a cluster may be named after it."""
    cluster, jobs = (None, words) if not words or is_job(words[0]) else (words[0], words[1:])
    with connected() as client:
        if cluster:
            jobs = tuple(on_cluster(client, cluster, job).id for job in jobs)
        _cancel(client, _named(client, jobs, every=every, cluster=cluster, yes=yes), output=output)


@click.command("cancel")
@click.argument("jobs", metavar="[JOBS]...", nargs=-1)
@click.option("-n", "--name", help="The jobs of this name that have not ended.")
@click.option("-a", "--all", "every", is_flag=True, help="All jobs that have not ended.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@output_option
def jobs_cancel(*, jobs: tuple[str, ...], name: str | None, every: bool, yes: bool, output: str) -> None:
    """End jobs, at whatever stage they are. The number of an array ends all of it."""
    with connected() as client:
        _cancel(client, _named(client, jobs, every=every or bool(name), name=name, yes=yes), output=output)


def _named(
    client: Client,
    jobs: tuple[str, ...],
    *,
    every: bool,
    yes: bool,
    name: str | None = None,
    cluster: str | None = None,
) -> tuple[str, ...]:
    if jobs and every:
        raise click.UsageError("name jobs, or say which by --all or --name, not both")
    if jobs:
        return jobs
    if not every:
        raise click.UsageError("say which jobs: their ids, or --all")
    found = tuple(job.id for job in client.jobs(phases=ACTIVE, name=name, cluster=cluster))
    if found and not yes:
        agree(f"End {len(found)} jobs?", told=f"this would end {len(found)} jobs")
    return found


def _cancel(client: Client, jobs: Iterable[str], *, output: str) -> None:
    done = [{"job": job, "phase": client.cancel(job)} for job in jobs]
    if output == "json":
        show_json(done)
        return
    for each in done:
        phase = each["phase"]  # as it was when the request was taken
        click.echo(f"job {each['job']}: {f'was {phase} already' if phase in ENDED else 'cancelling'}")
    if not done:
        click.echo("No jobs.")
