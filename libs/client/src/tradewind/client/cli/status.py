"""`tw status`."""

import click

from tradewind.client.cli import words
from tradewind.client.cli.exit_codes import MISSING
from tradewind.client.cli.output import output_option, show_json, show_table
from tradewind.client.cli.queue import ACTIVE, show_jobs
from tradewind.client.cli.session import connected
from tradewind.client.records import Cluster

_JOBS_SHOWN = 20


@click.command()
@click.argument("clusters", nargs=-1)
@output_option
@click.pass_context
def status(ctx: click.Context, *, clusters: tuple[str, ...], output: str) -> None:
    """Show clusters and the jobs under way; or the clusters that are named."""
    with connected() as client:
        found = [each for each in client.clusters() if not clusters or each.name in clusters]
        jobs = [] if clusters else list(client.jobs(phases=ACTIVE, limit=_JOBS_SHOWN + 1))
    if output == "json":
        show_json({"clusters": found, "jobs": jobs})
    else:
        _show(found)
        if jobs:
            click.echo("\nJobs under way")
            show_jobs(jobs[:_JOBS_SHOWN])
        if len(jobs) > _JOBS_SHOWN:
            click.echo("… and more: `tw jobs queue`")
    missing = set(clusters) - {each.name for each in found}
    if missing:
        click.echo(f"tw: there is no cluster {', '.join(sorted(missing))}", err=True)
        ctx.exit(MISSING)


def _show(clusters: list[Cluster]) -> None:
    if not clusters:
        click.echo("No clusters.")
        return
    now = words.now()
    show_table(
        ["NAME", "INFRA", "NODES", "RESOURCES", "STATUS", "LAUNCHED", "$/H", "REASON"],
        [
            [
                each.name or "(jobs)",
                str(each.place) if each.place else each.shape.infra or "-",
                str(each.count),
                _resources(each),
                each.phase,
                words.ago(each.opened_at, now),
                words.usd(each.hourly_usd),
                _reason(each),
            ]
            for each in clusters
        ],
    )


def _reason(cluster: Cluster) -> str:
    """Nodes that are about to be taken away come first: they are what one can still do something about."""
    leaving = sorted(node.reclaim_at for node in cluster.nodes if node.reclaim_at and not node.ended_at)
    if not leaving:
        return cluster.reason
    nodes = "a node" if len(leaving) == 1 else f"{len(leaving)} nodes"
    return f"{nodes} to be reclaimed at {words.clock(leaving[0], digits=0)}"


def _resources(cluster: Cluster) -> str:
    if cluster.place is None:
        shape = cluster.shape
        gpus = f" {shape.accelerator}:{shape.accelerator_count}" if shape.accelerator else ""
        return f"{words.number(shape.cpus)}+ vCPU{gpus}"
    room = cluster.place.room
    gpus = f" {room.accelerator}:{room.accelerator_count}" if room.accelerator else ""
    spot = " spot" if cluster.place.spot else ""
    return f"{cluster.place.instance_type} ({words.number(room.cpus)} vCPU{gpus}){spot}"
