"""What `launch`, `exec` and `jobs launch` share: hand the task in, then follow it."""

import click

from tradewind.client.cli.follow import follow
from tradewind.client.cli.outcome import exit_code_of_job
from tradewind.client.cli.output import note, show_json
from tradewind.client.cli.upload import with_workdir
from tradewind.client.client import Client
from tradewind.client.task import Task, restarts_of


def submit_and_follow(
    client: Client,
    task: Task,
    *,
    cluster: str | None = None,
    priority: int = 0,
    max_restarts: int | None = None,
    detach: bool = False,
    output: str = "table",
) -> int:
    """Returns the exit code: of the job, or 0 if `detach`. As JSON the job goes out when it is over."""
    spec = with_workdir(client, task)
    restarts = restarts_of(task, max_restarts)
    job = client.submit(spec, priority=priority, max_restarts=restarts, cluster=cluster)
    if output == "json":
        info = job.info() if detach else job.wait()
        show_json(info)
        return 0 if detach else exit_code_of_job(info)
    where = f" on cluster {cluster}" if cluster else ""
    note(f"job {job.number} ({spec.name}) submitted{where}")
    if detach:
        click.echo(job.number)
        return 0
    info = job.info()
    return follow(client, info, since=info.submitted_at)


def submit_array(
    client: Client, task: Task, *, count: int, priority: int, max_restarts: int | None, output: str
) -> None:
    """Many jobs are not followed: their queue is."""
    spec = with_workdir(client, task)
    restarts = restarts_of(task, max_restarts)
    taken = client.submit_array(spec, count=count, priority=priority, max_restarts=restarts)
    if output == "json":
        show_json(taken)
        return
    note(f"{count} jobs of {spec.name} submitted as {taken.number}: see `tw jobs queue`")
    click.echo(taken.number)
