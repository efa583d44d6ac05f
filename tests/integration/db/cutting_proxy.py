"""A TCP proxy that cuts the connection at a chosen request: before the server gets it, or once it answers."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Literal

Cut = Literal["request lost", "answer lost"]


@dataclass
class CuttingProxy:
    port: int = 0
    countdown: int = 0
    """At which request from now on it cuts; 0: it does not."""
    cut: Cut = "request lost"

    async def serve(
        self, host: str, port: int, client: asyncio.StreamReader, back: asyncio.StreamWriter
    ) -> None:
        server, to_server = await asyncio.open_connection(host, port)
        answers = asyncio.create_task(_copy(server, back))
        try:
            while request := await client.read(2**20):
                if self.countdown:
                    self.countdown -= 1
                    if not self.countdown:
                        answers.cancel()
                        await asyncio.wait({answers})
                        if self.cut == "answer lost":
                            to_server.write(request)
                            await server.read(2**20)
                        break
                to_server.write(request)
        finally:
            answers.cancel()
            to_server.close()
            back.close()


@asynccontextmanager
async def cutting_proxy(*, host: str, port: int) -> AsyncGenerator[CuttingProxy]:
    proxy = CuttingProxy()
    server = await asyncio.start_server(partial(proxy.serve, host, port), "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(2**20):
        sink.write(data)
    sink.close()
