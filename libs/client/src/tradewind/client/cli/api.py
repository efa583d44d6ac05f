"""`tw api …`: the control plane itself."""

import click

from tradewind.client.cli.lazy_group import LazyGroup

_COMMANDS = {
    "start": ("api_local:start", "Start the local stack."),
    "stop": ("api_local:stop", "Stop the local stack; its nodes, and what runs there, go on."),
    "status": ("api_status:status", "Show where the control plane answers, and how its services are."),
    "logs": ("api_local:logs", "Show the log of the local stack."),
    "uninstall": ("api_local:uninstall", "Stop the local stack and delete its home with all that is in it."),
    "dlq": ("api_dlq:dlq", "Inputs that no service could take in: list them, send them again."),
}


@click.group(cls=LazyGroup, commands_in="tradewind.client.cli", lazy=_COMMANDS)
def api() -> None:
    """The control plane."""
