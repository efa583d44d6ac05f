"""A stack for one figure: in a home of its own, on loopback, and nothing left of it afterwards."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tradewind.client import Client
from tradewind.client.task import Overrides, Task, from_command
from tradewind.common.endpoint import Endpoint, read_token
from tradewind.local import api

ROOT = Path(__file__).parent.parent
READY_WITHIN_S = 90.0


@dataclass(frozen=True, slots=True)
class Stack:
    home: Path
    url: str
    pid: int
    """The process of its services."""

    @property
    def token(self) -> str:
        return read_token(self.home) or ""

    def client(self) -> Client:
        return Client(self.url, self.token)

    def reader_url(self) -> str:
        """The bus, for one who may follow its events and do nothing else."""
        kept = json.loads((self.home / "secrets.json").read_text())
        return f"nats://reader:{kept['passwords']['nats.reader']}@127.0.0.1:{kept['ports']['nats']}"

    def environ(self) -> dict[str, str]:
        """For a `tw` of this home."""
        return {**os.environ, "TRADEWIND_HOME": str(self.home)}


@contextmanager
def home() -> Generator[Path]:
    """A folder for a home. On leaving, whatever lives in it is ended."""
    with tempfile.TemporaryDirectory(prefix="tradewind-bench-", ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "home"
        try:
            yield path
        finally:
            api.uninstall(path)


@contextmanager
def stack(*, nodes: int = 1, slots: int, noop: bool = False) -> Generator[Stack]:
    """A running stack with room for `nodes` of `slots` each. `noop`: its nodes run no process (noop_node)."""
    with home() as path, _environ(TRADEWIND_LOCAL_NODES=str(nodes), TRADEWIND_LOCAL_SLOTS=str(slots)):
        if noop:
            _start_with_noop_nodes(path)
        else:
            api.start(path)
        endpoint = Endpoint.read(path)
        if endpoint is None:
            raise RuntimeError(f"the stack in {path} ended at once; see its logs/api.log")
        yield Stack(path, endpoint.url, endpoint.pid)


def warm(running: Stack, *, nodes: int = 1) -> None:
    """Have a job run on each node, so that all of them are up."""
    with running.client() as tw:
        ended = tw.submit(task("true", cpus="1", num_nodes=nodes)).wait(timeout=120)
    if ended.phase != "succeeded":
        raise RuntimeError(f"the first job ended as {ended.phase}: {ended.reason}")


def task(run: str, *, cpus: str = "1", num_nodes: int = 1) -> Task:
    """A task for this machine with these commands."""
    return from_command(run, overrides=Overrides(name="bench", infra="local", cpus=cpus, num_nodes=num_nodes))


def document(of: Task) -> Mapping[str, object]:
    """The task as the API takes it."""
    return of.with_files(None).model_dump(mode="json")


def _start_with_noop_nodes(path: Path) -> None:
    path.mkdir(parents=True)
    with (path.parent / "api.log").open("ab") as log:
        daemon = subprocess.Popen(
            [sys.executable, "-m", "bench.noop_stack"],
            cwd=ROOT,
            env={**os.environ, "TRADEWIND_HOME": str(path)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    deadline = time.monotonic() + READY_WITHIN_S
    while Endpoint.read(path) is None:
        if daemon.poll() is not None or time.monotonic() > deadline:
            daemon.kill()
            raise RuntimeError(f"the stack did not come up:\n{(path.parent / 'api.log').read_text()[-3000:]}")
        time.sleep(0.01)


@contextmanager
def _environ(**values: str) -> Generator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
