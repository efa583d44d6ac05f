"""Two answers for whoever keeps a process alive: `/healthz` (its loop turns) and `/readyz` (all apps do
their work).

Plain asyncio: a service without an HTTP surface of its own needs no web framework for these.
"""

import asyncio
import json
from collections.abc import Sequence

from tradewind.common.runtime.app import App

LOOPBACK = "127.0.0.1"
REQUEST_S = 5.0


async def serve_health(apps: Sequence[App], *, port: int) -> asyncio.Server:
    """Answers on loopback until the server is closed."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(REQUEST_S):
                request = (await reader.readline()).split()
            path = request[1] if len(request) > 1 else b""
            writer.write(_response(path, apps))
            await writer.drain()
        except (TimeoutError, ConnectionError, ValueError):
            pass  # whoever asked is gone, or did not speak HTTP
        finally:
            writer.close()

    return await asyncio.start_server(answer, LOOPBACK, port)


def _response(path: bytes, apps: Sequence[App]) -> bytes:
    ready = {app.name: app.ready() for app in apps}
    match path:
        case b"/healthz":
            status = "200 OK"
        case b"/readyz":
            status = "200 OK" if all(ready.values()) else "503 Service Unavailable"
        case _:
            status = "404 Not Found"
    body = json.dumps({"apps": ready}).encode()
    head = (
        f"HTTP/1.1 {status}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Connection: close",
        "\r\n",
    )
    return "\r\n".join(head).encode() + body
