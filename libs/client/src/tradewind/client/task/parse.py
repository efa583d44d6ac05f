"""A task file as a job's spec. Pure: text in, `Task` or `TaskRefused` out.

The format is a subset of SkyPilot 0.14's, with `race`, `on_reclaim` and `on_loss` of our own; `known_keys`
lists what is read.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import TypeVar

import yaml

from tradewind.client.task import quantities, written
from tradewind.client.task.problems import Position, Problem, TaskRefused
from tradewind.client.task.quantities import Accelerators, Unreadable
from tradewind.client.task.written import Fields, Written
from tradewind.common.contracts.job import OnLoss
from tradewind.common.contracts.task import ENV_NAME, NAME_RULE, JobSpec, RoleSpec
from tradewind.common.contracts.values import Recovery, Shape

COMMAND_NAME = "tw-cmd"
_NAME = re.compile(NAME_RULE)
_MOST_NODES = 10_000
_MOST_RACING = 8
_MOST_RESTARTS = 10_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Overrides:
    """What options say; it wins over the file. Texts are in the forms of the file (`cpus="8+"`)."""

    name: str | None = None
    workdir: str | None = None
    num_nodes: int | None = None
    infra: str | None = None
    cpus: str | None = None
    memory: str | None = None
    accelerators: str | None = None
    use_spot: bool | None = None
    envs: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Task:
    """A task that was read: the job's spec, still without its files."""

    spec: JobSpec
    workdir: str | None
    """The folder to send, as written."""
    file: str
    positions: Mapping[str, Position]
    """Where each field (`resources.cpus`) stands in the file, to say it of what goes wrong later."""
    max_restarts: int = 0
    """How often it asks to be started again after a failure of its own."""

    @property
    def folder(self) -> Path | None:
        """The folder to send; as in SkyPilot, relative to where the caller stands, not to the file."""
        return Path(self.workdir).expanduser() if self.workdir else None

    def refused(self, path: str, text: str) -> TaskRefused:
        """An error about a field that could be read but not used."""
        return TaskRefused(self.file, [Problem(path, text, self.positions.get(path))])

    def with_files(self, sha256: str | None) -> JobSpec:
        """The spec as it is submitted, its workdir uploaded as the blob `sha256`."""
        return self.spec.but(workdir=sha256)

    def without_setup(self) -> "Task":
        """The task for a cluster that is set up already."""
        roles = tuple(role.but(setup=None) for role in self.spec.roles)
        return replace(self, spec=self.spec.but(roles=roles))


def restarts_of(task: Task | JobSpec, asked: int | None) -> int:
    """How often it is started again after a failure of its own: as is asked, else as its file says."""
    if asked is not None:
        return asked
    return task.max_restarts if isinstance(task, Task) else 0


def parse(text: str, *, file: str, overrides: Overrides | None = None) -> Task:
    """Read a task file. `file` names it in errors, and the task if it has no name of its own.

    Raises:
        TaskRefused: with every problem found, each with its place.
    """
    return _understand(written.read(text), PurePath(file).stem, file=file, overrides=overrides or Overrides())


def parse_node(node: yaml.Node, *, name: str, file: str) -> Task:
    """A task that stands inside another document, as in a workload. `file` is that document's.

    Raises:
        TaskRefused
    """
    return _understand(written.read_node(node), name, file=file, overrides=Overrides())


def from_command(command: str, *, overrides: Overrides | None = None) -> Task:
    """A task that is nothing but a command.

    Raises:
        TaskRefused
    """
    said = Fields(fields={"run": Written(command, "run")})
    return _understand(said, COMMAND_NAME, file="the command", overrides=overrides or Overrides())


def _understand(said: Fields, default_name: str, *, file: str, overrides: Overrides) -> Task:
    said.over(*_options(overrides))
    problems = list(said.problems)

    def understood(path: str, read: Callable[[str], T], default: T) -> T:
        given = said.fields.get(path)
        if given is None:
            return default
        try:
            return read(given.text)
        except Unreadable as why:
            problems.append(Problem(given.field, str(why), given.at))
            return default

    name = understood("name", _name, _as_name(default_name))
    count = understood("num_nodes", _node_count, 1)
    cpus = understood("resources.cpus", quantities.cpus, None)
    memory = understood("resources.memory", lambda text: quantities.memory_gib(text, cpus), 0.0)
    accelerators = understood("resources.accelerators", quantities.accelerators, Accelerators("", 0))
    infra = understood("resources.infra", quantities.infra, None)
    strategy = "resources.job_recovery.strategy"
    recovery = understood(
        strategy if strategy in said.fields else "resources.job_recovery",
        quantities.recovery,
        Recovery.EAGER_NEXT_REGION,
    )
    max_restarts = understood("resources.job_recovery.max_restarts_on_errors", _restarts, 0)
    race = understood("resources.race", _racing, 1)
    on_loss = understood("on_loss", quantities.on_loss, OnLoss.GANG)
    envs = _envs(said, problems)
    workdir = understood("workdir", _some_path, None)
    if problems:
        raise TaskRefused(file, problems)
    role = RoleSpec(
        count=count,
        shape=Shape(
            cpus=cpus if cpus is not None else Shape().cpus,
            memory_gib=memory,
            accelerator=accelerators.kind or None,
            accelerator_count=accelerators.count,
            infra=infra,
            use_spot=understood("resources.use_spot", lambda text: text == "true", False),
        ),
        setup=understood("setup", _commands, None),
        run=understood("run", _commands, None),
        on_reclaim=understood("on_reclaim", _commands, None),
        on_loss=on_loss,
    )
    return Task(
        spec=JobSpec(name=name, roles=(role,), envs=envs, recovery=recovery, race=race),
        workdir=workdir,
        file=file,
        positions=said.positions,
        max_restarts=max_restarts,
    )


def _options(overrides: Overrides) -> tuple[dict[str, Written], dict[str, Written]]:
    given = {
        "name": ("--name", overrides.name),
        "workdir": ("--workdir", overrides.workdir),
        "num_nodes": ("--num-nodes", overrides.num_nodes),
        "resources.infra": ("--infra", overrides.infra),
        "resources.cpus": ("--cpus", overrides.cpus),
        "resources.memory": ("--memory", overrides.memory),
        "resources.accelerators": ("--gpus", overrides.accelerators),
        "resources.use_spot": (
            "--use-spot",
            None if overrides.use_spot is None else str(overrides.use_spot).lower(),
        ),
    }
    options = {
        path: Written(str(value), option) for path, (option, value) in given.items() if value is not None
    }
    return options, {name: Written(value, f"--env {name}") for name, value in overrides.envs.items()}


def _envs(said: Fields, problems: list[Problem]) -> dict[str, str]:
    envs: dict[str, str] = {}
    for name, given in said.envs.items():
        path, at = (given.field, given.at) if given else (f"envs.{name}", said.positions.get(f"envs.{name}"))
        if not ENV_NAME.fullmatch(name):
            problems.append(
                Problem(path, "is no name for a variable: use letters, digits and _, no digit first", at)
            )
        elif given is None:
            problems.append(Problem(path, f"has no value: give one with `--env {name}=VALUE`", at))
        elif "\0" in given.text:
            problems.append(Problem(path, "holds a NUL character, which no environment can pass on", at))
        else:
            envs[name] = given.text
    return envs


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise Unreadable(
            f"{text!r} is no name: use up to 128 letters, digits, `.`, `_` and `-`, a letter or a digit first"
        )
    return text


def _as_name(text: str) -> str:
    """The nearest name to the name of a file, which may hold anything."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")[:128] or "task"


def _node_count(text: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,5}", text) or int(text) > _MOST_NODES:
        raise Unreadable(f"{text!r} is not a number of nodes: write a whole number from 1 to {_MOST_NODES}")
    return int(text)


def _racing(text: str) -> int:
    return quantities.whole(text, least=1, most=_MOST_RACING, what="a number of places to try at once")


def _restarts(text: str) -> int:
    return quantities.whole(text, least=0, most=_MOST_RESTARTS, what="a number of restarts")


def _commands(text: str) -> str | None:
    return text if text.strip() else None


def _some_path(text: str) -> str:
    if not text.strip():
        raise Unreadable("is empty: write the path of a folder, or leave `workdir` out")
    return text
