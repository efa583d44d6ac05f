"""`tw jobs …`: managed jobs, which get nodes for as long as they run."""

import click

from tradewind.client.cli.lazy_group import LazyGroup

_COMMANDS = {
    "launch": ("jobs_launch:launch", "Run a task as a managed job."),
    "queue": ("queue:jobs_queue", "Show jobs, newest first."),
    "logs": ("logs:jobs_logs", "Follow the log of a job."),
    "cancel": ("cancel:jobs_cancel", "End jobs."),
}


@click.group(cls=LazyGroup, commands_in="tradewind.client.cli", lazy=_COMMANDS)
def jobs() -> None:
    """Managed jobs: they get nodes for as long as they run, and are recovered when they lose one."""
