"""The servers under test, as the fixtures of all suites."""

import subprocess
from collections.abc import Generator

import pytest

from tests.fixtures.servers import database, database_template, home, nats_server, postgres

__all__ = ["database", "database_template", "home", "nats_server", "postgres"]  # fixtures, by name


@pytest.fixture
def foreign() -> Generator["subprocess.Popen[bytes]"]:
    """A process that has nothing to do with us, and that any signal to it would end."""
    with subprocess.Popen(["/bin/sleep", "60"]) as process:
        yield process
        process.kill()


def all_command_lines() -> str:
    return subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
