"""The local stack: both servers under supervision, what they must hold, and every service.

The order of a start: lock the home, servers, schemas, streams, services, and last `endpoint.json`: whoever
reads that
finds everything there.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tradewind.common.bus import topology
from tradewind.common.bus.connection import connect
from tradewind.common.bus.retention import EventsKeeper
from tradewind.common.db import migrate
from tradewind.common.endpoint import Endpoint
from tradewind.common.private_files import write_private
from tradewind.common.runtime.app import App
from tradewind.common.runtime.host import host
from tradewind.common.runtime.settings import Settings as ServiceSettings
from tradewind.gateway.app import app as gateway
from tradewind.jobs_controller.app import app as jobs_controller
from tradewind.local.config import environment_of
from tradewind.local.home import Home, HomeRefused
from tradewind.local.nats_config import ADMIN, OPERATOR, READER
from tradewind.local.nats_server import EmbeddedNats
from tradewind.local.ports import LOOPBACK
from tradewind.local.postgres import EmbeddedPostgres
from tradewind.local.postgres_files import SUPERUSER
from tradewind.local.server import EmbeddedServer
from tradewind.local.service_process import ServiceProcess
from tradewind.local.settings import Settings
from tradewind.local.wirings import READERS, wirings
from tradewind.optimizer.app import app as optimizer
from tradewind.provisioner.app import app as provisioner
from tradewind.provisioner.infra.mock.reading import ScriptRefused, read_script
from tradewind.provisioner.infra.mock.switch import VARIABLE as MOCK
from tradewind.scheduler.app import app as scheduler
from tradewind.serve_controller.app import app as serve_controller

log = logging.getLogger(__name__)

APPS: Mapping[str, Callable[[ServiceSettings], App]] = {
    "jobs_controller": jobs_controller,
    "scheduler": scheduler,
    "optimizer": optimizer,
    "provisioner": provisioner,
    "serve_controller": serve_controller,
    "gateway": gateway,
}
GATEWAY_PORT = "TRADEWIND_GATEWAY_PORT"
CHOSEN = ("TRADEWIND_LOCAL_NODES", "TRADEWIND_LOCAL_SLOTS", "TRADEWIND_JOURNAL", MOCK)


class Moved(Exception):
    """A server had to take another port: who knows the old one must start again."""


class Stack:
    """One home's control plane. Must run on the main thread (the servers die with the thread that made
    them).
    """

    def __init__(self, home: Home, *, processes: bool = False) -> None:
        self._home = home
        self._processes = processes
        self._settings = Settings(home)
        self._url = ""
        # A variable of whoever starts the stack wins over the file.
        self._config = _with_script({**environment_of(home.folder), **_chosen(os.environ)})
        self._postgres = EmbeddedPostgres(home, self._settings)
        self._nats = EmbeddedNats(home, self._settings)

    async def run(self) -> None:
        """Until cancelled; the home must be locked. Raises Moved, ServerFailed."""
        self._home.token()
        Endpoint.remove(self._home.folder)
        try:
            await asyncio.gather(self._postgres.start(), self._nats.start())
            await asyncio.gather(self._make_schemas(), self._make_streams())
            gateway_port = self._settings.port("gateway")
            apps = self._apps(gateway_port)
            async with asyncio.TaskGroup() as group:
                for server in (self._postgres, self._nats):
                    group.create_task(_keep_up(server), name=server.name)
                keeper = EventsKeeper(self._nats.url(OPERATOR))
                group.create_task(host([*apps, keeper]), name="services")
                group.create_task(self._announce(apps, gateway_port), name="announce")
        finally:
            Endpoint.remove(self._home.folder)
            await asyncio.gather(self._postgres.stop(), self._nats.stop())

    def environment(self, service: str, gateway_port: int) -> dict[str, str]:
        """What a process of one service is told."""
        return {
            "TRADEWIND_HOME": str(self._home.folder),
            "TRADEWIND_POSTGRES_URL": self._postgres.url(),
            "TRADEWIND_NATS_URL": self._nats.url(service),
            "TRADEWIND_NATS_PID_FILE": str(self._home.run / "nats.pid"),
            "TRADEWIND_INSTANCE": "local",
            **self._config,
            **(self._gateway_environment(gateway_port) if service == "gateway" else {}),
        }

    def _gateway_environment(self, port: int) -> dict[str, str]:
        return {GATEWAY_PORT: str(port), "TRADEWIND_NATS_OPERATOR_URL": self._nats.url(OPERATOR)}

    def _apps(self, gateway_port: int) -> Sequence[App]:
        environments = {name: self.environment(name, gateway_port) for name in APPS}
        if self._processes:
            return [
                ServiceProcess(
                    name,
                    environment,
                    health_port=self._settings.port(f"{name}.health"),
                    log=self._home.logs / f"{name}.log",
                    pid_file=self._home.run / f"{name}.pid",
                )
                for name, environment in environments.items()
            ]
        # In one process there is one environment; each service reads of it what concerns it.
        os.environ.update(self._config, **{GATEWAY_PORT: str(gateway_port)})
        return [make(ServiceSettings.from_env(environments[name])) for name, make in APPS.items()]

    async def _make_schemas(self) -> None:
        url = self._postgres.url(user=SUPERUSER)
        if await migrate.pending(url):
            await migrate.migrate(url)

    async def _make_streams(self) -> None:
        connection = await connect(self._nats.url(ADMIN), name="tradewind.topology")
        try:
            for done in await topology.apply(connection, wirings(), readers=READERS):
                log.info("%s", done)
        finally:
            await connection.close()

    async def _announce(self, apps: Sequence[App], gateway_port: int) -> None:
        """Once all services lead, the home says where it answers."""
        while not all(app.ready() for app in apps):  # noqa: ASYNC110 - once, for a moment, at the start
            await asyncio.sleep(0.005)
        self._url = f"http://{LOOPBACK}:{gateway_port}"
        self.announce_again()
        log.info("ready at %s", self._url)

    def announce_again(self) -> None:
        """Say where the home answers, if it does: somebody may have lost what says so."""
        if not self._url:
            return
        write_private(self._home.events_url_file, self._nats.url(READER))
        Endpoint.of_this_process(self._url).write(self._home.folder)


def _chosen(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: environ[name] for name in CHOSEN if name in environ}


def _with_script(config: dict[str, str]) -> dict[str, str]:
    """A bad script of scripted clouds is said before anything starts; a good one is found from everywhere.

    Raises HomeRefused.
    """
    if not (file := config.get(MOCK)):
        return config
    path = Path(file).expanduser().absolute()
    try:
        read_script(path)
    except ScriptRefused as why:
        raise HomeRefused(str(why)) from why
    return {**config, MOCK: str(path)}


async def _keep_up(server: EmbeddedServer) -> None:
    while True:
        code = await server.wait_dead()
        port = server.port
        log.warning("%s ended with code %d; starting it again", server.name, code)
        await server.start()
        if server.port != port:
            raise Moved(f"{server.name} had to move from port {port} to {server.port}")
