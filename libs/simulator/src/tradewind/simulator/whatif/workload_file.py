"""WORKLOAD.yaml: tasks, when they are submitted, how long they run."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from tradewind.client.task import Problem, Task, TaskRefused, nodes, parse_node, task_from_file
from tradewind.simulator.whatif.fields import FileRefused, Section, at, root_of
from tradewind.simulator.whatif.job_trace import read_jobs
from tradewind.simulator.whatif.quantities import per_second, seconds, share, some_seconds, whole
from tradewind.simulator.whatif.workload import Arrivals, Duration, Entry, Workload

FORM = "`jobs:` and a list of what is submitted, as in `- {file: train.yaml, at: 10m, runs_for: 2h}`"
TOP = ("name", "jobs")
WHEN = ("at", "every", "rate", "count")
KEYS = (
    *("name", "task", "file", "trace"),
    *WHEN,
    *("runs_for", "setup_for", "checkpoint_every", "on_reclaim", "fails", "max_restarts", "priority"),
)
SPREAD = ("mean", "p95")
MOST_JOBS = 1_000_000
SAVES_IN_S = 30.0
"""Where a task has `on_reclaim` and nobody says how long it takes."""


def workload_from_file(path: str | Path) -> Workload:
    """Raises FileRefused, or TaskRefused of a task file that it names."""
    path = Path(path)
    return parse_workload(read_text(path), file=str(path), folder=path.parent)


def parse_workload(text: str, *, file: str, folder: Path) -> Workload:
    """`folder` is where the files that it names are looked for.

    Raises:
        FileRefused: with every problem found.
        TaskRefused: of a task file that it names.
    """
    problems: list[Problem] = []
    entries: list[Entry] = []
    name = Path(file).stem
    top = Section.of(root_of(text, file=file, form=FORM), "", problems, known=TOP)
    if top is not None:
        name = top.read("name", str, name)
        listed = top.node_of("jobs")
        if problems:
            raise FileRefused(file, problems)
        if listed is None:
            top.refuse("", f"says nothing of what is submitted: write {FORM}")
        elif not isinstance(listed, yaml.SequenceNode):
            top.refuse("jobs", f"must be a list, but this is {nodes.in_words(listed)}: write {FORM}", listed)
        elif not listed.value:
            top.refuse("jobs", f"is an empty list: write {FORM}", listed)
        else:
            for place, node in enumerate(listed.value):
                entries += _entries(node, f"jobs[{place}]", problems, file=file, folder=folder)
    if problems:
        raise FileRefused(file, problems)
    return Workload(name, tuple(entries))


def read_text(path: Path) -> str:
    """Raises FileRefused."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise FileRefused(
            str(path), [Problem("", f"cannot be read: {(error.strerror or '').lower()}")]
        ) from error
    except UnicodeDecodeError as error:
        raise FileRefused(str(path), [Problem("", f"is not UTF-8 text (byte {error.start})")]) from error


def _entries(
    node: yaml.Node, path: str, problems: list[Problem], *, file: str, folder: Path
) -> Iterator[Entry]:
    said = Section.of(node, path, problems, known=KEYS)
    if said is None:
        return
    before = len(problems)
    task = _task(said, file=file, folder=folder)
    trace = said.read("trace", str, None)
    arrivals = _arrivals(said, traced=trace is not None)
    runs_for = _runs_for(said, traced=trace is not None)
    every = said.read("checkpoint_every", some_seconds, None)
    if task is None or len(problems) > before:
        return
    saves = any(role.on_reclaim for role in task.spec.roles)
    entry = Entry(
        spec=task.spec,
        arrivals=arrivals,
        runs_for=runs_for,
        setup_s=said.read("setup_for", seconds, 0.0),
        checkpoint_every_s=every,
        saves_in_s=said.read("on_reclaim", seconds, SAVES_IN_S if saves else None),
        fails=said.read("fails", share, 0.0),
        max_restarts=said.read("max_restarts", whole(0, 1_000), 0),
        priority=said.read("priority", whole(-1_000, 1_000), 0),
        name=said.read("name", str, task.spec.name),
    )
    yield from [entry] if trace is None else read_jobs(folder / trace, like=entry)


def _task(said: Section, *, file: str, folder: Path) -> Task | None:
    inline, named = said.node_of("task"), said.read("file", str, None)
    if (inline is None) == (named is None):
        said.refuse("", "needs a task: write either `task:` with its fields, or `file:` with its path")
        return None
    try:
        if inline is not None:
            return parse_node(inline, name=said.read("name", str, "job"), file=file)
        return task_from_file(folder / str(named))
    except TaskRefused as refused:
        if refused.file == file:
            said.problems.extend(refused.problems)
        elif any(problem.at for problem in refused.problems):
            raise
        else:
            said.refuse("file", str(refused))
        return None


def _arrivals(said: Section, *, traced: bool) -> Arrivals:
    if traced:
        for key in WHEN:
            if said.node_of(key) is not None:
                said.refuse(key, "cannot stand beside `trace`, which says when each job is submitted")
        return Arrivals()
    if said.node_of("every") is not None and said.node_of("rate") is not None:
        said.refuse("rate", "cannot stand beside `every`: write one of them")
    spread_out = said.node_of("every") is not None or said.node_of("rate") is not None
    if spread_out and said.node_of("count") is None:
        said.refuse("count", "is missing: with `every` or `rate`, say how many jobs there are")
    return Arrivals(
        at_s=said.read("at", seconds, 0.0),
        count=said.read("count", whole(1, MOST_JOBS), 1),
        every_s=said.read("every", some_seconds, 0.0),
        rate_per_s=said.read("rate", per_second, 0.0),
    )


def _runs_for(said: Section, *, traced: bool) -> Duration:
    node = said.node_of("runs_for")
    if traced:
        if node is not None:
            said.refuse("runs_for", "cannot stand beside `trace`, which says how long each job runs", node)
    elif node is None:
        said.refuse("", "does not say how long it runs: add `runs_for: 2h`")
    elif isinstance(node, yaml.MappingNode):
        return _spread(node, f"{said.path}.runs_for", said.problems)
    return Duration(said.read("runs_for", some_seconds, 1.0) if not traced else 1.0)


def _spread(node: yaml.MappingNode, path: str, problems: list[Problem]) -> Duration:
    said = Section.of(node, path, problems, known=SPREAD)
    if said is None:
        return Duration(1.0)
    read: Mapping[str, float | None] = {key: said.read(key, some_seconds, None) for key in SPREAD}
    mean_s, p95_s = read["mean"], read["p95"]
    if mean_s is None or p95_s is None:
        if all(said.node_of(key) is None for key in SPREAD) or (mean_s is None) != (p95_s is None):
            said.refuse("", "needs both, as in `{mean: 2h, p95: 5h}`")
        return Duration(1.0)
    try:
        return Duration.spread(mean_s=mean_s, p95_s=p95_s)
    except ValueError as why:
        problems.append(Problem(f"{path}.p95", str(why), at(node)))
        return Duration(1.0)
