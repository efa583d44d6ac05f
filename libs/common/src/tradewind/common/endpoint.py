"""Where the control plane of a home answers: `endpoint.json`, there only while it is ready.

What a command does first, so this module imports little.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from tradewind.common.private_files import write_private
from tradewind.common.process_marks import started_at

FILE = "endpoint.json"
TOKEN_FILE = "token"


def home_folder() -> Path:
    """`TRADEWIND_HOME`, or `~/.tradewind`."""
    return Path(os.environ.get("TRADEWIND_HOME") or "~/.tradewind").expanduser().absolute()


def read_token(home: Path) -> str | None:
    """The token of the home's owner for every HTTP call, or None before the first start."""
    try:
        return (home / TOKEN_FILE).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Who answers at `url`: the process `pid` that started at `started` (see `processes.started_at`)."""

    url: str
    pid: int
    started: str

    @classmethod
    def of_this_process(cls, url: str) -> Self:
        return cls(url, os.getpid(), started_at(os.getpid()) or "")

    @classmethod
    def read(cls, home: Path) -> Self | None:
        """The endpoint of a home whose process lives, or None: never started, stopped, or killed."""
        try:
            told = json.loads((home / FILE).read_text(encoding="utf-8"))
            endpoint = cls(str(told["url"]), int(told["pid"]), str(told["started"]))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None
        return endpoint if started_at(endpoint.pid) == endpoint.started else None

    def write(self, home: Path) -> None:
        write_private(home / FILE, json.dumps(asdict(self)))

    @staticmethod
    def remove(home: Path) -> None:
        (home / FILE).unlink(missing_ok=True)
