"""The gateway as an app: its parts put together, and all of them run until it is cancelled."""

import asyncio
import logging
import socket
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

from tradewind.common.bus.connection import connect
from tradewind.common.bus.dead_letter_box import DeadLetterBox
from tradewind.common.bus.nats_bus import NatsBus
from tradewind.common.db.engine import create_engine
from tradewind.common.db.migrate import require_current
from tradewind.common.db.postgres_store import PostgresStore
from tradewind.common.runtime.app import App
from tradewind.common.runtime.clock import SystemClock
from tradewind.common.runtime.grant_key import grant_key
from tradewind.common.runtime.settings import Settings
from tradewind.common.telemetry.database import trace_commits
from tradewind.common.telemetry.spans import tracer_of
from tradewind.gateway.blobs import Blobs
from tradewind.gateway.endings import Endings
from tradewind.gateway.fetching import Fetching
from tradewind.gateway.http import api
from tradewind.gateway.http.operations import missing
from tradewind.gateway.http.server import listen, serve
from tradewind.gateway.infra_reads import InfraReads
from tradewind.gateway.job_pages import JobPages
from tradewind.gateway.job_reads import JobReads
from tradewind.gateway.parts import Parts
from tradewind.gateway.projection_store import ProjectionStore
from tradewind.gateway.projector import Projector
from tradewind.gateway.settings import GatewaySettings
from tradewind.gateway.specs import Specs
from tradewind.gateway.submission_store import SubmissionStore
from tradewind.gateway.submitting import Submitting
from tradewind.gateway.wiring import SERVICE

SCHEMA_WITHIN_S = 60.0
"""A deployment may start services and migrations together."""

log = logging.getLogger(__name__)


class Gateway:
    """See `runtime.app.App`."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        self._token = settings.token()
        self._grant_key = grant_key(settings.grant_key_file)
        self._parts: Parts | None = None
        self.port = settings.port
        """Where it listens, once it does."""

    @property
    def name(self) -> str:
        return SERVICE

    def ready(self) -> bool:
        return self._parts is not None and not missing(self._parts)

    async def run(self) -> None:
        """Raises AddressTaken, Unavailable: then it may be started again."""
        listener = listen(self._settings.host, self._settings.port)
        self.port = listener.getsockname()[1]
        try:
            async with self._put_together() as parts:
                self._parts = parts
                await self._do_all(parts, listener)
        finally:
            self._parts = None
            listener.close()

    async def _do_all(self, parts: Parts, listener: socket.socket) -> None:
        site = api.create(parts, token=self._token)
        fetching = Fetching(Specs(parts.submissions), parts.blobs, key=parts.grant_key, clock=parts.clock)
        await asyncio.to_thread(parts.blobs.forget_drafts)
        async with asyncio.TaskGroup() as group:
            group.create_task(parts.connection.lost(), name=f"{SERVICE} connection")
            group.create_task(parts.projector.run(), name=f"{SERVICE} read model")
            group.create_task(parts.submitting.run(), name=f"{SERVICE} submissions")
            group.create_task(parts.endings.run(parts.connection), name=f"{SERVICE} ends of jobs")
            group.create_task(fetching.run(parts.connection), name=f"{SERVICE} answers to agents")
            group.create_task(serve(site, listener, stopping=parts.stopping), name=f"{SERVICE} http")
            log.info("%s listens at %s:%d", SERVICE, self._settings.host, self.port)

    @asynccontextmanager
    async def _put_together(self) -> AsyncGenerator[Parts]:
        settings, clock = self._settings.service, SystemClock()
        async with AsyncExitStack() as stack:
            engine = create_engine(settings.postgres_url, service=SERVICE)
            stack.push_async_callback(engine.dispose)
            trace_commits(engine, tracer_of(SERVICE))
            await require_current(engine, SERVICE, wait_s=SCHEMA_WITHIN_S)
            connection = await connect(settings.nats_url, name=f"tradewind.{SERVICE}")
            stack.push_async_callback(connection.close)
            bus = NatsBus(connection)
            stack.push_async_callback(bus.close)
            operator = await connect(
                settings.nats_operator_url or settings.nats_url, name=f"{SERVICE}.operator"
            )
            stack.push_async_callback(operator.close)
            letters = DeadLetterBox(operator)
            stack.push_async_callback(letters.close)
            pages = JobPages(engine)
            stack.push_async_callback(pages.close)
            submissions = SubmissionStore(engine)
            yield Parts(
                connection=connection,
                bus=bus,
                clock=clock,
                blobs=Blobs(self._settings.blobs, limit=self._settings.blob_limit),
                jobs=JobReads(engine),
                pages=pages,
                infra=InfraReads(engine),
                submissions=submissions,
                submitting=Submitting(submissions, bus, clock),
                projector=Projector(
                    ProjectionStore(engine),
                    PostgresStore(engine, service=SERVICE, kinds=()),
                    bus,
                    clock=clock,
                    service=SERVICE,
                    holder=settings.instance,
                ),
                endings=Endings(),
                letters=letters,
                stopping=asyncio.Event(),
                grant_key=self._grant_key,
                operator_url=settings.nats_operator_url,
                user=self._settings.user,
            )


def app(settings: Settings) -> App:
    """Raises SettingMissing, GrantKeyRefused."""
    return Gateway(GatewaySettings.from_env(settings))
