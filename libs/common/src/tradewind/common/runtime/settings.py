"""Where a process finds its store, its bus and its home: read once from the environment.

Secrets come by the environment or by files of the home, never by arguments (they would show in `ps`).
"""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class SettingMissing(ValueError):
    """A variable that is needed is not set. The text says which, and what to write."""


@dataclass(frozen=True, slots=True)
class Settings:
    """`postgres_url` and `nats_url` may hold a user and a password; do not log them."""

    home: Path
    postgres_url: str
    nats_url: str
    nats_pid_file: Path | None
    """Of an embedded server whose node users the provisioner keeps; None where somebody else does."""
    instance: str
    """Who we are to the lease: a restart under the same name takes over at once."""
    health_port: int
    """0: no health endpoint of its own."""
    nats_operator_url: str | None = None
    """For what services' own users may not: a person's re-driving of dead letters."""
    journal: Path | None = None
    """Where each leader writes down what it folds (`reactor.journal`); None: nowhere."""

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Raises SettingMissing."""
        home = Path(environ.get("TRADEWIND_HOME") or Path.home() / ".tradewind")
        pid_file = environ.get("TRADEWIND_NATS_PID_FILE")
        journal = environ.get("TRADEWIND_JOURNAL")
        return cls(
            home=home,
            postgres_url=_needed(
                environ, "TRADEWIND_POSTGRES_URL", "postgresql+asyncpg://user:password@host/database"
            ),
            nats_url=_needed(environ, "TRADEWIND_NATS_URL", "nats://user:password@host:4222"),
            nats_operator_url=environ.get("TRADEWIND_NATS_OPERATOR_URL") or None,
            nats_pid_file=Path(pid_file) if pid_file else None,
            journal=Path(journal) if journal else None,
            instance=environ.get("TRADEWIND_INSTANCE") or socket.gethostname(),
            health_port=int(environ.get("TRADEWIND_HEALTH_PORT") or 0),
        )


def _needed(environ: Mapping[str, str], name: str, form: str) -> str:
    value = environ.get(name)
    if not value:
        raise SettingMissing(f"{name} is not set; write it as {form}")
    return value
