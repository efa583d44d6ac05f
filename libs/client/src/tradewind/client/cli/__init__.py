"""The `tw` command line. Each command is a module that is loaded when it is called."""

import click

from tradewind.client.cli.exit_codes import BAD_INPUT, DETACHED, FAILED_TO_DO, MISSING
from tradewind.client.cli.lazy_group import LazyGroup
from tradewind.client.errors import Invalid, NotFound, TradewindError

_COMMANDS = {
    "launch": ("launch:launch", "Run a task on a cluster of its own, or on a named one."),
    "exec": ("exec:exec", "Run a task on a cluster that is up, without its setup."),
    "status": ("status:status", "Show clusters and the jobs under way."),
    "queue": ("queue:queue", "Show the jobs of clusters."),
    "logs": ("logs:logs", "Follow the log of a job."),
    "cancel": ("cancel:cancel", "End jobs."),
    "down": ("down:down", "Take clusters down, with what runs there."),
    "jobs": ("jobs:jobs", "Managed jobs: launch, queue, logs, cancel."),
    "events": ("events:events", "Show what happened, or what happens."),
    "infra": ("infra:infra", "Show where tasks can run from here."),
    "offers": ("offers:offers", "Show what a task would cost, and where."),
    "mock": ("mock:mock", "Practise an outage: the scripted clouds, by hand."),
    "simulate": ("simulate:simulate", "Tell how long a workload takes and what it costs on an infra."),
    "api": ("api:api", "The control plane: start, stop, status, logs, uninstall, dlq."),
    "config": ("config:config", "Settings of the local stack."),
}

_EPILOG = """\
Exit codes: 0 done; the task's own code where it failed with one; 100 the job failed without a code; 101 it
has not ended; 102 there is no such job or cluster; 103 it was cancelled; 1 could not be done; 2 bad input;
130 interrupted.
"""


class _Root(LazyGroup):
    """Turns what goes wrong into one sentence and an exit code."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except TradewindError as error:
            raise _stop(str(error), _exit_code(error)) from error
        except KeyboardInterrupt as error:
            raise _stop("interrupted", DETACHED) from error


def _stop(message: str, exit_code: int) -> click.exceptions.Exit:
    click.echo(f"{click.style('tw:', fg='red')} {message}", err=True)
    return click.exceptions.Exit(exit_code)


def _exit_code(error: TradewindError) -> int:
    if isinstance(error, NotFound):
        return MISSING
    # A task file, a folder or an address that is not right is a ValueError of ours, found before the call.
    return BAD_INPUT if isinstance(error, Invalid | ValueError) else FAILED_TO_DO


@click.group(
    cls=_Root,
    commands_in="tradewind.client.cli",
    lazy=_COMMANDS,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="tradewind-client", prog_name="tw")
def tw() -> None:
    """Tradewind runs your tasks where they cost least, and keeps them running."""


def main() -> None:
    """What the `tw` script calls."""
    tw()
