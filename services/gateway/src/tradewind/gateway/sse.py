"""Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html"""

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from tradewind.common.reactor.ports import Unavailable

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


Feed = AsyncGenerator[ServerEvent | None]
"""Events as they come; None where there was nothing for a while."""


class EventStream(StreamingResponse):
    """Sends as fast as the client takes: the feed is asked for the next event when the last one has left."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(self._content(), media_type="text/event-stream", headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except Unavailable:
            return  # in the midst of an answer: the client sees it end early, and comes again
        finally:
            await self._feed.aclose()  # it holds a consumer

    async def _content(self) -> AsyncIterator[bytes]:
        async for event in self._feed:
            yield QUIET if event is None else event.encode()
