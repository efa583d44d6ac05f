"""`tw api start|stop|logs|uninstall`: the stack of this machine."""

import click

from tradewind.client.cli.asking import agree
from tradewind.client.cli.output import output_option, show_json
from tradewind.client.cli.session import LocalFailed, local_stack
from tradewind.client.cli.session import start_local as start_stack
from tradewind.client.endpoint import Endpoint
from tradewind.common.endpoint import home_folder


@click.command()
@output_option
def start(*, output: str) -> None:
    """Start the local stack, if it does not run."""
    endpoint = Endpoint.of_home() or start_stack()
    if output == "json":
        show_json({"url": endpoint.url, "home": str(home_folder())})
    else:
        click.echo(f"the control plane answers at {endpoint.url}")


@click.command()
def stop() -> None:
    """Stop the local stack; its nodes, and what runs there, go on."""
    stopped = local_stack().stop(home_folder())
    click.echo("stopped" if stopped else "it does not run")


@click.command()
@click.option("-f", "--follow", is_flag=True, help="Go on as it is written, until ctrl-C.")
def logs(*, follow: bool) -> None:
    """Show the log of the local stack."""
    try:
        for line in local_stack().logs(home_folder(), follow=follow):
            click.echo(line)
    except FileNotFoundError as error:
        raise LocalFailed(f"there is no log: the local stack never ran in {home_folder()}") from error


@click.command()
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def uninstall(*, yes: bool) -> None:
    """Stop the local stack, end its nodes, and delete its home with all that is in it."""
    home = home_folder()
    if not home.exists():
        click.echo(f"there is nothing at {home}")
        return
    if not yes:
        question = f"Delete {home}, with every job, log and setting in it?"
        agree(question, told=f"this would delete {home}", default=False)
    local_stack().uninstall(home)
    click.echo(f"deleted {home}")
