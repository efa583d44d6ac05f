"""Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from tradewind.common.reactor.ports import Unavailable

log = logging.getLogger(__name__)

QUIET = b": nothing new\n\n"
"""A comment, so that both ends notice when the other is gone."""


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """`data` is one line of JSON. Its `id` comes back as Last-Event-ID when the client goes on."""

    name: str
    data: str
    id: int | None = None

    def encode(self) -> bytes:
        place = f"id: {self.id}\n" if self.id is not None else ""
        return f"{place}event: {self.name}\ndata: {self.data}\n\n".encode()


END = ServerEvent("", "")

Feed = AsyncGenerator[ServerEvent | None]
"""Events as they come; None where there was nothing for a while."""


class EventStream(StreamingResponse):
    """Sends as fast as the client takes: the feed is asked for the next event when the last one has left.

    It ends with the feed, or when `stopping` is set; then the client comes again, elsewhere or later.
    """

    def __init__(self, feed: Feed, *, stopping: asyncio.Event) -> None:
        self._feed = feed
        self._stopping = stopping
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(self._content(), media_type="text/event-stream", headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._feed.aclose()  # it holds a consumer

    async def _content(self) -> AsyncGenerator[bytes]:
        stopped = asyncio.create_task(self._stopping.wait())
        try:
            while (said := await self._next(stopped)) is not None:
                yield said
        except Unavailable as why:
            log.warning("a stream ends early: %s", why)  # and its client comes again
        finally:
            stopped.cancel()

    async def _next(self, stopped: asyncio.Task[bool]) -> bytes | None:
        """None at the end."""
        following = asyncio.ensure_future(anext(self._feed, END))
        try:
            await asyncio.wait({following, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not following.done():
                following.cancel()
                await asyncio.wait({following})
        if following.cancelled() or (event := following.result()) is END:
            return None
        return QUIET if event is None else event.encode()
