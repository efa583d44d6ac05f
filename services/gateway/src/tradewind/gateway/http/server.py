"""Serves an ASGI application in our own event loop, beside what else runs there."""

import asyncio
import logging
import socket
from collections.abc import Generator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

KEPT_S = 75
"""How long a connection may be idle: longer than clients keep one, so that they do not write into a closed
one.
"""
GRACE_S = 1
"""What a stopping server waits for requests under way."""


class AddressTaken(Exception):
    """Somebody else listens there. The text says where, and what to do."""


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield  # signals are the host's


def listen(host: str, port: int) -> socket.socket:
    """Raises AddressTaken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise AddressTaken(
            f"cannot listen at {host}:{port} ({error.strerror}): set TRADEWIND_GATEWAY_PORT to a free port"
        ) from error
    return listener


async def serve(app: ASGIApp, listener: socket.socket, *, stopping: asyncio.Event) -> None:
    """Until cancelled; then sets `stopping`, and waits a moment for what is under way."""
    logging.getLogger("uvicorn").setLevel(logging.WARNING)  # that it starts and stops, we say ourselves
    server = _Server(
        uvicorn.Config(
            app,
            loop="none",
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=KEPT_S,
            timeout_graceful_shutdown=GRACE_S,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await asyncio.shield(serving)
    finally:
        stopping.set()
        server.should_exit = True
        await asyncio.wait({serving})
