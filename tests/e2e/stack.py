"""A whole local stack for a test: its own home, its own ports, and nothing left of it afterwards."""

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tradewind.client import Client
from tradewind.client.task import Overrides, Task, from_command
from tradewind.common.endpoint import read_token
from tradewind.common.processes import started_at
from tradewind.local import api

TERMINAL = {"succeeded", "failed", "cancelled"}


@dataclass(frozen=True, slots=True)
class LocalStack:
    home: Path
    url: str

    def client(self) -> Client:
        return Client(self.url, read_token(self.home))

    def node_processes(self, node: str | None = None) -> list[int]:
        """Every process of the nodes of this home, or of one of them."""
        nodes = [node] if node is not None else [one.name for one in (self.home / "nodes").iterdir()]
        return [pid for one in nodes for pid in processes_marked(f"TRADEWIND_NODE_ID={one}")]


@contextmanager
def local_stack(home: Path, *, processes: bool = False, **environ: str) -> Generator[LocalStack]:
    """`environ` is added to the stack's environment. On leaving, whatever it started must be gone."""
    before = {name: os.environ.get(name) for name in environ}
    os.environ.update(environ)
    try:
        endpoint = api.start(home, processes=processes)
        stack = LocalStack(home, endpoint.url)
        try:
            yield stack
        finally:
            api.stop(home)
            api.end_nodes(home)
        assert stack.node_processes() == []
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def task(run: str, **options: object) -> Task:
    """A task for this machine with these commands."""
    known: dict[str, object] = {"name": "test", "infra": "local", "cpus": "1"}
    return from_command(run, overrides=Overrides(**{**known, **options}))  # type: ignore[arg-type] # by name


def processes_marked(mark: str) -> Iterator[int]:
    """Living processes (zombies are dead) whose environment holds `mark`."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            marked = mark.encode() in (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if marked and started_at(int(entry.name)) is not None:
            yield int(entry.name)
