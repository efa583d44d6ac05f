"""What lies in a node's folder for each rank, by name.

<node>/ranks/<job>.<attempt>.<rank>.<incarnation>/
    spec.json      the job's spec, 0600: it holds the task's environment
    setup.sh       the role's commands
    run.sh
    on_reclaim.sh
    workdir/       where they run
    fetched        empty; there once all of the above is whole
    log            what they print
    shipped        how much of the log the bus has
    stopping       empty; there before its commands are sent SIGTERM
    run-1.launch   empty; there before a launch is begun
    run-1.pid      which process holds it (see shim.sh)
    run-1.exit     its exit code
"""

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tradewind.common.contracts.task import JobSpec, RoleSpec
from tradewind.common.contracts.values import Fence

_NAME = re.compile(r"(?P<job>[A-Za-z0-9_-]+)\.(?P<attempt>\d+)\.(?P<rank>\d+)\.(?P<incarnation>\d+)")
_LAUNCH = re.compile(r"(setup|run|on_reclaim)-(\d+)\.launch")


class Part(StrEnum):
    """Which of a role's commands."""

    SETUP = "setup"
    RUN = "run"
    ON_RECLAIM = "on_reclaim"
    """Beside RUN, when its node is about to be taken away."""


def is_safe(job: str) -> bool:
    """Whether a job's id can be part of a folder's name."""
    return _NAME.fullmatch(f"{job}.0.0.0") is not None


@dataclass(frozen=True, slots=True)
class RankFolder:
    path: Path

    @property
    def log(self) -> Path:
        return self.path / "log"

    @property
    def shipped(self) -> Path:
        return self.path / "shipped"

    @property
    def workdir(self) -> Path:
        return self.path / "workdir"

    def exists(self) -> bool:
        return self.path.is_dir()

    def make(self) -> None:
        """Anew: what an earlier fetch left half done is removed, apart from the log."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.rmtree(self.workdir, ignore_errors=True)
        self.workdir.mkdir()

    def keep(self, spec: JobSpec, role: RoleSpec) -> None:
        """Write down what is to run. The last file says that all are whole: nothing has to be fetched
        again.
        """
        write_owned(self.path / "spec.json", spec.model_dump_json())
        parts = ((Part.SETUP, role.setup), (Part.RUN, role.run), (Part.ON_RECLAIM, role.on_reclaim))
        for part, commands in parts:
            if commands and commands.strip():
                write_owned(self.script(part), commands if commands.endswith("\n") else f"{commands}\n")
        write_owned(self.path / "fetched", "")

    @property
    def is_fetched(self) -> bool:
        return (self.path / "fetched").exists()

    def begin_stop(self) -> None:
        """Whatever its commands end with from now on, they did not end by themselves."""
        write_owned(self.path / "stopping", "")

    @property
    def is_stopping(self) -> bool:
        return (self.path / "stopping").exists()

    def spec(self) -> JobSpec:
        return JobSpec.model_validate_json((self.path / "spec.json").read_text())

    def script(self, part: Part) -> Path:
        return self.path / f"{part}.sh"

    def note(self, sentence: str) -> None:
        """A word of ours in the rank's log."""
        descriptor = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "w") as log:
            log.write(f"tradewind: {sentence}\n")

    def launches(self, part: Part) -> list[int]:
        """The numbers of its launches, ascending."""
        found = (_LAUNCH.fullmatch(name) for name in os.listdir(self.path))
        return sorted(int(launch[2]) for launch in found if launch is not None and launch[1] == part)


@dataclass(frozen=True, slots=True)
class RankFolders:
    """All of a node's."""

    path: Path
    trash: Path

    def of(self, fence: Fence) -> RankFolder:
        return RankFolder(self.path / str(fence))

    def fences(self) -> Iterator[Fence]:
        for name in sorted(os.listdir(self.path)):
            if (named := _NAME.fullmatch(name)) is not None:
                yield Fence(
                    job=named["job"],
                    attempt=int(named["attempt"]),
                    rank=int(named["rank"]),
                    incarnation=int(named["incarnation"]),
                )

    def make(self) -> None:
        self.path.mkdir(mode=0o700, exist_ok=True)
        self.trash.mkdir(mode=0o700, exist_ok=True)

    def discard(self, fence: Fence) -> None:
        """Out of the way at once, then deleted. A crash between leaves it to `empty_trash`."""
        away = self.trash / str(fence)
        try:
            self.of(fence).path.rename(away)
        except FileNotFoundError:
            return
        shutil.rmtree(away, ignore_errors=True)

    def empty_trash(self) -> None:
        for left in self.trash.iterdir():
            shutil.rmtree(left, ignore_errors=True)


def write_owned(path: Path, text: str) -> None:
    """Readable by its owner alone. Not synced: a power cut ends the ranks anyway."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
