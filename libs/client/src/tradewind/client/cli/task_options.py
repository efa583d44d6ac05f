"""The words that name a task and the options that change it: for `launch`, `exec` and `jobs launch` alike."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from tradewind.client.task import Overrides, Task, from_command, task_from_bytes, task_from_file

Command = TypeVar("Command", bound=Callable[..., object])

STDIN = "-"
_OPTIONS = (
    click.argument("entrypoint", metavar="FILE|COMMAND...", nargs=-1, required=True),
    click.option("-n", "--name", help="Name of the job."),
    click.option("--workdir", metavar="FOLDER", help="Folder to send along."),
    click.option("--num-nodes", type=click.IntRange(1, 10_000), metavar="N", help="How many nodes."),
    click.option("--infra", metavar="CLOUD[/REGION[/ZONE]]", help="Where to run: aws/us-east-1, local."),
    click.option("--cpus", metavar="N", help="vCPUs a node, at least."),
    click.option("--memory", metavar="GIB", help="Memory a node, at least."),
    click.option("--gpus", metavar="KIND[:N]", help="Accelerators a node: H100:8."),
    click.option("--use-spot/--no-use-spot", default=None, help="Spot instances."),
    click.option("--env", "env", metavar="NAME[=VALUE]", multiple=True, help="A variable of the task."),
)


def task_options(command: Command) -> Command:
    """Adds them; `read_task(**options)` takes them."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def read_task(entrypoint: Sequence[str], env: Sequence[str], **options: Any) -> Task:
    """The task that the words of a command line mean: a file, standard input (`-`), or a command.

    One word that ends in .yaml or .yml is a file; everything else is a command, its words joined by spaces.

    Raises:
        TaskRefused
    """
    overrides = Overrides(
        name=options.get("name"),
        workdir=options.get("workdir"),
        num_nodes=options.get("num_nodes"),
        infra=options.get("infra"),
        cpus=options.get("cpus"),
        memory=options.get("memory"),
        accelerators=options.get("gpus"),
        use_spot=options.get("use_spot"),
        envs=_variables(env),
    )
    match list(entrypoint):
        case ["-"]:
            return task_from_bytes(sys.stdin.buffer.read(), file="stdin", overrides=overrides)
        case [path] if Path(path).suffix in {".yaml", ".yml"} and " " not in path.strip():
            return task_from_file(path, overrides)
        case words:
            return from_command(" ".join(words), overrides=overrides)


def _variables(given: Sequence[str]) -> Mapping[str, str]:
    """`NAME=VALUE`, or `NAME` alone for the value that it has here."""
    variables: dict[str, str] = {}
    for text in given:
        name, assigned, value = text.partition("=")
        if not assigned and name not in os.environ:
            raise click.UsageError(f"--env {name}: it has no value here; write --env {name}=VALUE")
        variables[name] = value if assigned else os.environ[name]
    return variables
