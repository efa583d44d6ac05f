"""Runs apps until the process is told to end: one a container, or all in one process on a laptop."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence

import uvloop

from tradewind.common.runtime.app import App
from tradewind.common.runtime.collector import tune_collector
from tradewind.common.runtime.health import serve_health

log = logging.getLogger(__name__)

AGAIN_S = 1.0


def run(apps: Sequence[App], *, health_port: int = 0) -> None:
    """Blocks until SIGTERM or SIGINT. With `health_port`, answers `/healthz` and `/readyz` there, on
    loopback.
    """
    configure_logging()
    tune_collector()
    uvloop.run(_until_signalled(apps, health_port))


async def host(apps: Sequence[App]) -> None:
    """Runs until cancelled. An app that breaks is started again, as a container would be."""
    async with asyncio.TaskGroup() as group:
        for app in apps:
            group.create_task(_keep_running(app), name=app.name)


def configure_logging() -> None:
    """One line a record, on standard error. TRADEWIND_LOG_LEVEL sets how much."""
    logging.basicConfig(
        level=os.environ.get("TRADEWIND_LOG_LEVEL", "INFO").upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )


async def _until_signalled(apps: Sequence[App], health_port: int) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    running = asyncio.create_task(host(apps))
    stopping = asyncio.create_task(ended.wait())
    health = await serve_health(apps, port=health_port) if health_port else None
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if health is not None:
        health.close()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def _keep_running(app: App) -> None:
    while True:
        try:
            await app.run()
        except Exception:
            log.exception("%s broke; it starts again in %.0f s", app.name, AGAIN_S)
        await asyncio.sleep(AGAIN_S)
