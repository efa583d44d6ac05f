"""`tw events`."""

import click

from tradewind.client.cli import words
from tradewind.client.cli.event_words import summary
from tradewind.client.cli.output import output_option, show_json_line
from tradewind.client.cli.session import connected
from tradewind.client.records import Event


@click.command()
@click.option("-f", "--follow", is_flag=True, help="Go on as they happen, until ctrl-C.")
@click.option("--job", metavar="JOB", help="Only what belongs to this job.")
@click.option("--type", "kind", metavar="TYPE", help="Such as job.succeeded, or job.*")
@click.option("--since", metavar="TIME", help="From this ISO 8601 time on.")
@output_option
def events(*, follow: bool, job: str | None, kind: str | None, since: str | None, output: str) -> None:
    """Show what happened; with --follow, what happens. JSON is one CloudEvent a line."""
    with connected() as client:
        for event in client.events(follow=follow, job=job, type=kind, since=since):
            if output == "json":
                show_json_line(event)
            else:
                click.echo(_line(event))


def _line(event: Event) -> str:
    return f"{words.clock(event.time)}  {event.name:<22}  {summary(event)}"
