"""The home of one local stack: a private folder with all of its state, and the lock of its supervisor."""

import fcntl
import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tradewind.common.endpoint import TOKEN_FILE, home_folder, read_token
from tradewind.common.private_files import write_private

PRIVATE = 0o700


class HomeRefused(Exception):
    """The home cannot be used; the text is the sentence to show."""


class HomeInUse(HomeRefused):
    """Another supervisor runs on this home. `pid` is its process, or 0 if it did not say."""

    def __init__(self, folder: Path, pid: int) -> None:
        super().__init__(
            f"the home {folder} is in use by process {pid or 'unknown'}: stop it with `tw api stop`, "
            "or set TRADEWIND_HOME to another folder"
        )
        self.pid = pid


@dataclass(frozen=True, slots=True)
class Home:
    """Where things lie. `prepare` makes the folders; whoever changes anything in them holds `locked`."""

    folder: Path

    @classmethod
    def chosen(cls) -> Self:
        """The home that `TRADEWIND_HOME` names, or `~/.tradewind`."""
        return cls(home_folder())

    @property
    def postgres(self) -> Path:
        return self.folder / "postgres"

    @property
    def nats(self) -> Path:
        return self.folder / "nats"

    @property
    def nodes(self) -> Path:
        """The folders of local nodes."""
        return self.folder / "nodes"

    @property
    def blobs(self) -> Path:
        return self.folder / "blobs"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def run(self) -> Path:
        """What means something only while its process lives: pid files, drafts."""
        return self.folder / "run"

    @property
    def events_url_file(self) -> Path:
        """Where programs outside follow events: the URL of the bus for its reader, password included."""
        return self.run / "events.url"

    @property
    def settings_file(self) -> Path:
        return self.folder / "secrets.json"

    @property
    def token_file(self) -> Path:
        return self.folder / TOKEN_FILE

    def prepare(self) -> None:
        """Make the folders, readable by their owner only.

        Raises:
            HomeRefused: the folder cannot be made, or belongs to somebody else.
        """
        try:
            for folder in (
                self.folder, self.postgres, self.nats, self.nodes, self.blobs, self.logs, self.run,
            ):  # fmt: skip
                folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        except OSError as error:
            raise HomeRefused(f"cannot make the home {self.folder}: {error.strerror}") from error
        if self.folder.stat().st_uid != os.geteuid():
            raise HomeRefused(
                f"the home {self.folder} belongs to another user: set TRADEWIND_HOME to a folder of yours"
            )
        self.folder.chmod(PRIVATE)  # one that was there before may have been open to others

    @contextmanager
    def locked(self) -> Generator[None]:
        """Be the only supervisor of this home. The kernel drops the lock whenever the process ends.

        Raises:
            HomeRefused, HomeInUse
        """
        self.prepare()
        with (self.run / "supervisor.lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                holder = lock.read().strip()
                raise HomeInUse(self.folder, int(holder) if holder.isdigit() else 0) from None
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield

    def token(self) -> str:
        """The token of every HTTP call, made at the first start. Call it under the lock."""
        known = read_token(self.folder)
        if not known:
            known = secrets.token_urlsafe(32)
            write_private(self.token_file, known)
        return known
