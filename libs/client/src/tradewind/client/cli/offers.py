"""`tw offers`."""

from typing import Any

import click

from tradewind.client.cli.output import output_option, show_json
from tradewind.client.cli.price import ask_price, show_offers
from tradewind.client.cli.session import connected
from tradewind.client.cli.task_options import read_task, task_options


@click.command()
@task_options
@output_option
def offers(*, output: str, **options: Any) -> None:
    """Show what a task would cost, and where: the cheapest offers first."""
    task = read_task(**options)
    with connected() as client:
        found = ask_price(client, task)
    show_json(found) if output == "json" else show_offers(found, most=20)
