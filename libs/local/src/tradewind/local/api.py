"""Bring the local stack up and down, from outside: what `tw api …` and every other `tw` command call."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tradewind.common.endpoint import Endpoint
from tradewind.common.processes import started_at
from tradewind.local.home import Home, HomeInUse, HomeRefused
from tradewind.provisioner.infra.node_processes import end_processes

START_WITHIN_S = 90.0
STOP_WITHIN_S = 40.0
LOOK_S = 0.01
ASK_AGAIN_S = 0.2


class NotStarted(Exception):
    """The stack did not come up; the text says why, with the end of its log."""


@dataclass(frozen=True, slots=True)
class StackStatus:
    """`url` is where it answers, `events_url` where programs outside follow events; None while it does not
    run.
    """

    home: Path
    url: str | None
    pid: int | None
    events_url: str | None


def start(folder: Path, *, processes: bool = False) -> Endpoint:
    """Start the stack of a home unless it runs; returns once it answers. `processes`: each service in its
    own.

    Safe to call from several places at once: one of them starts it, the others wait for it.

    Raises:
        NotStarted: it ended before it was ready, or took too long.
        HomeRefused: the folder cannot be a home.
    """
    present = Endpoint.read(folder)
    if present is not None:
        return present
    home = Home(folder)
    home.prepare()
    log = home.logs / "api.log"
    command = [sys.executable, "-m", "tradewind.local", *(["--processes"] if processes else [])]
    with log.open("ab") as out:
        before = out.tell()
        daemon = subprocess.Popen(
            command,
            env={**os.environ, "TRADEWIND_HOME": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_WITHIN_S
    while time.monotonic() < deadline:
        endpoint = Endpoint.read(folder)
        if endpoint is not None:
            return endpoint
        if daemon.poll() is not None:
            supervisor = _supervisor(home)
            if supervisor is not None:
                # It starts just now, or what says where it answers was lost: it says so again.
                os.kill(supervisor, signal.SIGHUP)
                time.sleep(ASK_AGAIN_S)
                continue
            raise NotStarted(
                f"the local stack ended while starting; the end of {log}:\n{_tail(log, since=before)}"
            )
        time.sleep(LOOK_S)
    raise NotStarted(f"the local stack was not ready within {START_WITHIN_S:.0f} s; see {log}")


def stop(folder: Path) -> bool:
    """Stop the stack; nodes of the home and what runs there go on. False if it did not run."""
    pid = _supervisor(Home(folder))
    if pid is None:
        return False
    mark = started_at(pid)
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_WITHIN_S
    while started_at(pid) == mark:
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
        time.sleep(LOOK_S)
    return True


def status(folder: Path) -> StackStatus:
    endpoint = Endpoint.read(folder)
    if endpoint is None:
        return StackStatus(folder, None, None, None)
    events_url = Home(folder).events_url_file.read_text(encoding="utf-8").strip()
    return StackStatus(folder, endpoint.url, endpoint.pid, events_url)


def uninstall(folder: Path) -> None:
    """Stop the stack, end the nodes of the home, and delete the home with all of its state."""
    stop(folder)
    end_nodes(folder)
    shutil.rmtree(folder, ignore_errors=True)


def end_nodes(folder: Path) -> int:
    """End every process of every node of the home; returns how many nodes there were."""
    nodes = [node.name for node in (folder / "nodes").iterdir()] if (folder / "nodes").is_dir() else []
    for node in nodes:
        asyncio.run(end_processes(node))
    return len(nodes)


def logs(folder: Path, *, follow: bool = False) -> Iterator[str]:
    """The lines of the stack's log; with `follow`, for ever."""
    with (folder / "logs" / "api.log").open(encoding="utf-8", errors="replace") as file:
        while True:
            line = file.readline()
            if line:
                yield line.rstrip("\n")
            elif follow:
                time.sleep(0.1)
            else:
                return


def _supervisor(home: Home) -> int | None:
    """The process that holds the home's lock."""
    if not home.folder.is_dir():
        return None
    try:
        with home.locked():
            return None
    except HomeInUse as used:
        return used.pid or None
    except HomeRefused:
        return None


def _tail(log: Path, *, since: int) -> str:
    with log.open("rb") as file:
        file.seek(since)
        return "\n".join(file.read().decode(errors="replace").splitlines()[-15:])
