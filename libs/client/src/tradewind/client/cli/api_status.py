"""`tw api status`. It starts nothing."""

import click

from tradewind.client.cli.exit_codes import FAILED_TO_DO
from tradewind.client.cli.output import output_option, show_json, show_table
from tradewind.client.client import Client
from tradewind.client.endpoint import Endpoint
from tradewind.client.records import Service
from tradewind.common.endpoint import home_folder


@click.command()
@output_option
@click.pass_context
def status(ctx: click.Context, *, output: str) -> None:
    """Show where the control plane answers, and how far each service is behind.

    It starts nothing. Exit code 1 if the control plane does not run, or is not well.
    """
    endpoint = Endpoint.from_env() or Endpoint.of_home()
    services: tuple[Service, ...] = ()
    if endpoint is not None:
        with Client(endpoint.url, endpoint.token) as client:
            services = client.services()
    if output == "json":
        show_json({"url": endpoint.url if endpoint else None, "services": services})
    elif endpoint is None:
        click.echo(f"the local stack of {home_folder()} does not run: `tw api start` starts it")
    else:
        click.echo(f"the control plane answers at {endpoint.url}")
        rows = [
            [each.service, each.stream, str(each.pending), str(each.unacked), "yes" if each.ok else "no"]
            for each in services
        ]
        if rows:
            show_table(["SERVICE", "STREAM", "PENDING", "UNACKED", "OK"], rows)
    ctx.exit(0 if endpoint is not None and all(each.ok for each in services) else FAILED_TO_DO)
