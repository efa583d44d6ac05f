"""The bus users of nodes: what a node's credential may do, and the file from which the server learns of it.

Nodes live in the account NODES, which has no JetStream and reaches the services' account only through the
imports in `NODES_IMPORTS`. A user with permissions inside the services' account would not do: permissions
cover the subject of a message but not its reply, so `CONSUMER.MSG.NEXT` with `$JS.API.STREAM.DELETE.EVENTS`
as its reply makes the server itself send an empty message there, which deletes the stream (seen on
nats-server 2.15.1). Across an import the server replaces the reply by one of its own (`_R_.…`), and what
comes back stays in NODES.

So a node can neither create a consumer nor ask about one: whoever adds the node creates
`consumer_name(node)` on the stream WANT, a pull consumer with filter `want.<node>.>` and explicit acks, and
the node binds to it by name.
"""

import fcntl
import json
import os
import re
import secrets
import signal
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from tradewind.common.private_files import write_private
from tradewind.common.processes import was_given

# Of the subjects that nodes publish to, which the services' account exports to NODES, and how it answers
# there. A pull is answered by many messages; the server forgets an answered one after its default of two
# minutes, so a pull must expire well before: what comes later goes nowhere, and is redelivered after the
# consumer's ack_wait.
NODES_IMPORTS: Mapping[str, str] = {
    "said.>": "singleton",
    "log.>": "singleton",
    "$JS.API.CONSUMER.MSG.NEXT.WANT.*": "stream",
    "$JS.ACK.WANT.>": "singleton",
}

_ONE_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,128}")
_RESERVED = ("hand",)  # `said.hand.…` are the reports of services' hands


class Subjects(TypedDict):
    allow: list[str]


class Permissions(TypedDict):
    publish: Subjects
    subscribe: Subjects


class NodeUser(TypedDict):
    user: str
    password: str
    permissions: Permissions


def user_name(node: str) -> str:
    return f"node-{node}"


def consumer_name(node: str) -> str:
    """The durable consumer of the node's wants."""
    return f"node-{node}"


def inbox_prefix(node: str) -> str:
    """What `nats.connect(inbox_prefix=…)` of the node must be told: it may listen nowhere else."""
    return f"_INBOX_{node}"


def permissions(node: str) -> Permissions:
    """What design.md §5 lets a node do: speak for itself, read its wants, get answers. Nothing else.

    Raises:
        ValueError: the id cannot stand in a subject as a node.
    """
    if not _ONE_TOKEN.fullmatch(node) or node in _RESERVED:
        raise ValueError(
            f"{node!r} cannot be a node's id: use up to 128 letters, digits, - and _, but not {_RESERVED}"
        )
    consumer = consumer_name(node)
    return {
        "publish": {
            "allow": [
                f"said.{node}.>",
                f"log.{node}.>",
                f"$JS.API.CONSUMER.MSG.NEXT.WANT.{consumer}",
                f"$JS.ACK.WANT.{consumer}.>",
            ]
        },
        "subscribe": {"allow": [f"{inbox_prefix(node)}.>"]},
    }


@dataclass(frozen=True, slots=True)
class NodeUsers:
    """The file of node users (`nodes.conf`, which the server's configuration includes), and who reads it.

    Calls from any number of processes and threads are safe. Each blocks for a few milliseconds (lock,
    fsync); the server has taken the change some 5 ms later, 60 ms with a thousand nodes, so a node's first
    connect may have to be repeated.
    """

    users_file: Path
    pid_file: Path
    """As given to the server by `--pid`: its command line then shows that the pid is still its own."""

    def add(self, node: str) -> str:
        """Let a node in and return its password: the one that it has, if it is in already.

        Raises:
            ValueError: the id cannot stand in a subject as a node.
        """
        return self.add_all([node])[node]

    def add_all(self, nodes: Iterable[str]) -> dict[str, str]:
        """Let a gang of nodes in with one change of the file, and return their passwords."""
        wanted = {node: permissions(node) for node in nodes}
        with self._changing() as users:
            for node in wanted.keys() - users.keys():
                users[node] = secrets.token_urlsafe(32)
            return {node: users[node] for node in wanted}

    def remove(self, node: str) -> None:
        """Shut a node out; the server drops its connection. Nothing happens if it is not in."""
        with self._changing() as users:
            users.pop(node, None)

    def nodes(self) -> list[str]:
        """Who is in, sorted."""
        return sorted(self._read())

    def write_if_missing(self) -> None:
        """Make the file that the server's configuration includes, without nodes, if it is not there."""
        with self._locked():
            if not self.users_file.exists():
                self._write({})

    def reload(self) -> None:
        """Let the server, if it runs, read its configuration again. Connections stay."""
        try:
            pid = int(self.pid_file.read_text())
        except (FileNotFoundError, ValueError):
            return  # it reads the file when it starts
        if was_given(pid, str(self.pid_file)):
            os.kill(pid, signal.SIGHUP)

    @contextmanager
    def _changing(self) -> Generator[dict[str, str]]:
        """Passwords by node, to be changed. Equal to what was: nothing is written."""
        with self._locked():
            users = self._read()
            before = dict(users)
            yield users
            if users != before:
                self._write(users)
                self.reload()

    @contextmanager
    def _locked(self) -> Generator[None]:
        with self.users_file.with_name(f"{self.users_file.name}.lock").open("a") as lock:
            fcntl.flock(
                lock, fcntl.LOCK_EX
            )  # a file of its own, since each change puts a new one in place of the other
            yield

    def _read(self) -> dict[str, str]:
        try:
            told: dict[str, list[NodeUser]] = json.loads(self.users_file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return {user["user"].removeprefix("node-"): user["password"] for user in told["users"]}

    def _write(self, users: Mapping[str, str]) -> None:
        told: list[NodeUser] = [
            {"user": user_name(node), "password": password, "permissions": permissions(node)}
            for node, password in sorted(users.items())
        ]
        # The server's configuration language contains JSON.
        write_private(self.users_file, json.dumps({"users": told}, indent=1))
