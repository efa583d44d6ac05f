"""A node's own folder: what the provisioner wrote into it, and where the agent keeps what is its own."""

import fcntl
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from tradewind.agent.rank_folder import RankFolders
from tradewind.common.contracts.base import Value
from tradewind.common.contracts.node_file import CREDENTIALS_FILE, NODE_FILE, NodeCredentials, NodeFile
from tradewind.common.private_files import write_private

V = TypeVar("V", bound=Value)


class BadNodeFolder(ValueError):
    """The agent cannot work there. The text says what is wrong, and where."""


@dataclass(frozen=True, slots=True)
class NodeFolder:
    path: Path

    @property
    def journal(self) -> Path:
        return self.path / "journal"

    @property
    def blobs(self) -> Path:
        return self.path / "blobs"

    @property
    def ranks(self) -> RankFolders:
        return RankFolders(self.path / "ranks", self.path / "trash")

    def node(self) -> NodeFile:
        """Raises BadNodeFolder."""
        return self._read(NODE_FILE, NodeFile)

    def credentials(self) -> NodeCredentials:
        """Raises BadNodeFolder."""
        return self._read(CREDENTIALS_FILE, NodeCredentials)

    def own(self) -> int:
        """Make it ours: one agent a folder. Returns the descriptor that holds it, for as long as it is open.

        Raises:
            BadNodeFolder: another agent works there.
        """
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise BadNodeFolder(f"{self.path} is in use by another agent; end that one first") from None
        self.blobs.mkdir(mode=0o700, exist_ok=True)
        self.ranks.make()
        return descriptor

    def shim(self) -> Path:
        """The shim, named after its text: a shell reads as it runs, so the file must never change."""
        text = Path(__file__).with_name("shim.sh").read_text()
        path = self.path / f"shim-{hashlib.sha256(text.encode()).hexdigest()[:12]}.sh"
        if not path.exists():
            write_private(path, text)
        return path

    def _read(self, name: str, model: type[V]) -> V:
        path = self.path / name
        try:
            return model.model_validate_json(path.read_text())
        except FileNotFoundError:
            raise BadNodeFolder(f"{path} is missing; the provisioner writes it") from None
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise BadNodeFolder(f"{path}: {where}: {first['msg']}") from None
