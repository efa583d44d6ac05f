"""`tw queue` and `tw jobs queue`: jobs in a table."""

from collections.abc import Iterable

import click

from tradewind.client.cli import words
from tradewind.client.cli.output import output_option, show_json, show_table
from tradewind.client.cli.session import connected
from tradewind.client.records import ENDED, JobInfo

PHASES = (
    "submitted", "queued", "starting", "running", "recovering", "finishing", "cancelling",
    "succeeded", "failed", "cancelled",
)  # fmt: skip
ACTIVE = tuple(phase for phase in PHASES if phase not in ENDED)


@click.command()
@click.argument("cluster", required=False)
@output_option
def queue(*, cluster: str | None, output: str) -> None:
    """Show the jobs of a cluster, or of every named cluster."""
    with connected() as client:
        names = [cluster] if cluster else [each.name for each in client.clusters() if each.name]
        if cluster:
            client.cluster(cluster)  # a name that is none is an error, not an empty queue
        jobs = [job for name in names for job in client.jobs(cluster=name, limit=50)]
    show_json({"jobs": jobs}) if output == "json" else show_jobs(jobs)


@click.command("queue")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="At most so many.")
@click.option("-s", "--status", "phases", type=click.Choice(PHASES), multiple=True, help="Only these.")
@click.option("--skip-finished", is_flag=True, help="Only jobs that have not ended.")
@output_option
def jobs_queue(*, limit: int, phases: tuple[str, ...], skip_finished: bool, output: str) -> None:
    """Show jobs, newest first."""
    asked = phases or (ACTIVE if skip_finished else ())
    with connected() as client:
        jobs = list(client.jobs(phases=asked, limit=limit))
    show_json({"jobs": jobs}) if output == "json" else show_jobs(jobs)


def show_jobs(jobs: Iterable[JobInfo]) -> None:
    now = words.now()
    rows = [
        [
            job.handle,
            job.name,
            job.cluster or "-",
            str(job.size),
            words.ago(job.submitted_at, now),
            words.duration((job.ended_at or now) - job.started_at) if job.started_at else "-",
            str(job.attempt - 1),
            job.phase if job.exit_code in {None, 0} else f"{job.phase} ({job.exit_code})",
            job.reason,
        ]
        for job in jobs
    ]
    if not rows:
        click.echo("No jobs.")
        return
    head = ["ID", "NAME", "CLUSTER", "RANKS", "SUBMITTED", "DURATION", "RECOVERIES", "STATUS", "REASON"]
    show_table(head, rows)
