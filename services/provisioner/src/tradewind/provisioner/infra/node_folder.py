"""The folder of a node of this host: what its agent is told, and which process is its machine."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from tradewind.common.contracts.base import Value
from tradewind.common.contracts.node_file import (
    CREDENTIALS_FILE,
    NODE_FILE,
    NODE_ID_VARIABLE,
    NodeCredentials,
    NodeFile,
)
from tradewind.common.private_files import write_private
from tradewind.common.processes import started_at
from tradewind.provisioner.infra.node_processes import Process

MACHINE_FILE = "machine.json"
MACHINE_LOG = "machine.log"
PASSED_ON = frozenset(
    {"HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "LOGNAME", "PATH", "SHELL", "TMPDIR", "TZ", "USER"}
    | {"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"}
    | {"SSL_CERT_DIR", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"}
)
"""What a machine takes over of our environment: the rest may hold the control plane's secrets."""
TRACING = "OTEL_"
"""And what begins so: the agent traces too, and does not hand it on to tasks."""

V = TypeVar("V", bound=Value)


class Machine(Value):
    """The process that is the node. A pid alone may be another's by now."""

    pid: int
    started: str
    launched_at: datetime
    ended_at: datetime | None = None

    @property
    def process(self) -> Process:
        """As it is while it lives: the leader of a session of its own."""
        return Process(self.pid, parent=0, session=self.pid, marked=True, started=self.started)

    def is_alive(self) -> bool:
        return self.ended_at is None and started_at(self.pid) == self.started


@dataclass(frozen=True, slots=True)
class NodeFolder:
    path: Path

    @classmethod
    def all_in(cls, nodes: Path) -> Iterator["NodeFolder"]:
        if nodes.exists():
            yield from (cls(path) for path in sorted(nodes.iterdir()) if path.is_dir())

    @property
    def node(self) -> str:
        return self.path.name

    def exists(self) -> bool:
        return self.path.exists()

    def prepare(self, file: NodeFile, credentials: NodeCredentials) -> None:
        """Write what the agent reads."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(self.path / NODE_FILE, file.model_dump_json(indent=1))
        write_private(self.path / CREDENTIALS_FILE, credentials.model_dump_json(indent=1))

    def told(self) -> NodeFile | None:
        """What the agent was told; None if that was never wholly written."""
        return _read(self.path / NODE_FILE, NodeFile)

    def infra(self) -> str:
        """Whose machine it is. What nobody ever claimed is a rest, and the local infra's to remove."""
        told = self.told()
        return told.infra if told is not None else "local"

    def machine(self) -> Machine | None:
        return _read(self.path / MACHINE_FILE, Machine)

    def note(self, machine: Machine) -> None:
        write_private(self.path / MACHINE_FILE, machine.model_dump_json(indent=1))

    def is_up(self) -> bool:
        """It was started, and nobody has noted its end yet."""
        machine = self.machine()
        return machine is not None and machine.ended_at is None

    def lives(self) -> bool:
        machine = self.machine()
        return machine is not None and machine.is_alive()

    def remove(self) -> None:
        """Delete it, with what tasks have left there: some tools make folders that nobody may write to."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self.exists():
            for folder, _, _ in os.walk(self.path):
                os.chmod(folder, 0o700)
            shutil.rmtree(self.path)

    def start(self, command: Sequence[str], environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """Start its machine: `command` and this folder. It holds nothing of ours, and outlives us."""
        passed_on = {
            name: value for name, value in environ.items() if name in PASSED_ON or name.startswith(TRACING)
        }
        with (self.path / MACHINE_LOG).open("ab") as log:
            return subprocess.Popen(
                [*command, str(self.path)],
                cwd=self.path,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                close_fds=True,
                start_new_session=True,
                umask=0o077,
                env=passed_on | {NODE_ID_VARIABLE: self.node},
            )


def _read(path: Path, kind: type[V]) -> V | None:
    try:
        return kind.model_validate_json(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValidationError):
        return None
