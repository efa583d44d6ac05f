"""Calls over one kept connection, with the standard library's HTTP client.

Not httpx here: it takes a tenth of a second to import, which every `tw` command would wait for.
"""

import http.client
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import BinaryIO, TypeVar
from urllib.parse import urlsplit

from tradewind.client.calls import Call, has_blob, new_blob, problem
from tradewind.client.endpoint import Endpoint
from tradewind.client.errors import TradewindError, Unavailable
from tradewind.client.retries import MOMENTARY, asked_to_wait, pauses
from tradewind.client.server_events import Decoder, ServerEvent

T = TypeVar("T")

ANSWER_TIMEOUT_S = 30.0
SILENCE_S = 45.0
"""A stream that is silent for so long is dead: the server says something every 15 seconds."""

_READ_AT_ONCE = _SENT_AT_ONCE = 65_536
_LOST = (http.client.HTTPException, OSError)


class Http:
    """One control plane over HTTP/1.1. Not for use by several threads at once."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._kept: http.client.HTTPConnection | None = None

    def close(self) -> None:
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def make(self, call: Call[T]) -> T:
        """Carry a call out; a repeatable one again while the server is momentarily away.

        Raises:
            TradewindError
        """
        if not call.repeatable:
            self.close()  # a kept connection may have died meanwhile, and then nobody knows what was done
        status, content = self._exchange(
            call.method, call.path, call.headers, body=lambda: call.content, repeatable=call.repeatable
        )
        return call.answer(status, content)

    def holds_blob(self, sha256: str) -> bool:
        status, content = self._exchange("HEAD", has_blob(sha256), {}, body=lambda: None)
        if status not in {200, 404}:
            raise problem(status, content)
        return status == 200

    def upload(self, file: BinaryIO, *, sha256: str, size: int) -> None:
        """Send a blob; again from its beginning where the connection breaks."""

        def from_start() -> BinaryIO:
            file.seek(0)
            return file

        headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
        status, content = self._exchange("POST", new_blob(sha256), headers, body=from_start)
        if status >= 300:
            raise problem(status, content)

    def events(self, path: str, *, until_end: bool, deadline: float | None = None) -> Iterator[ServerEvent]:
        """Server-sent events. A broken stream is taken up again after the last id that was seen.

        With `until_end` an end that the server did not announce by the event `end` counts as broken too.

        Raises:
            TimeoutError: `deadline` (of the monotonic clock) is over.
            Unavailable: it breaks again and again.
            TradewindError: it is refused.
        """
        last_id, waits = "", pauses()
        while True:
            try:
                for event in self._events_of_connection(path, last_id=last_id, deadline=deadline):
                    last_id, waits = event.id, pauses()
                    yield event
                    if event.name == "end":
                        return
                if not until_end:
                    return
                error = ConnectionError("it ended early")
            except ConnectionError as broken:
                error = broken
            pause = next(waits, None)
            if pause is None:
                raise self._unreachable(error) from error
            time.sleep(pause)

    def _events_of_connection(
        self, path: str, *, last_id: str, deadline: float | None
    ) -> Iterator[ServerEvent]:
        """Until the server ends it; ConnectionError if it breaks or the server is momentarily away."""
        headers = {**self._headers(), "Accept": "text/event-stream"}
        if last_id:
            headers["Last-Event-ID"] = last_id
        with closing(self._connection(_patience(deadline))) as connection:
            try:
                connection.request("GET", path, headers=headers)
                answer = connection.getresponse()
                if answer.status in MOMENTARY:
                    raise ConnectionError(f"status {answer.status}")
                if answer.status >= 300:
                    raise problem(answer.status, answer.read())
                decoder = Decoder()
                while content := answer.read1(_READ_AT_ONCE):
                    yield from decoder.feed(content)
                    if connection.sock is not None:
                        connection.sock.settimeout(_patience(deadline))
            except TimeoutError as error:
                if deadline is not None and time.monotonic() >= deadline:
                    raise
                raise ConnectionError("it fell silent") from error
            except _LOST as error:
                raise ConnectionError(str(error)) from error

    def _exchange(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        *,
        body: Callable[[], bytes | BinaryIO | None],
        repeatable: bool = True,
    ) -> tuple[int, bytes]:
        whole = {**self._headers(), **headers}
        waits = pauses()
        while True:
            wait_at_least = None
            try:
                answer = self._once(method, path, whole, body=body())
                if answer.status not in MOMENTARY:
                    return answer.status, answer.content
                wait_at_least, failure = answer.retry_after, problem(answer.status, answer.content)
            except _LOST as error:
                was_kept = self._kept is not None
                self.close()
                failure = self._unreachable(error)
                if was_kept and repeatable:
                    continue  # the server closes idle connections; a new one tells how it really is
            pause = next(waits, None) if repeatable else None
            if pause is None:
                raise failure
            time.sleep(asked_to_wait(wait_at_least, pause))

    def _once(
        self, method: str, path: str, headers: Mapping[str, str], *, body: bytes | BinaryIO | None
    ) -> "_Answer":
        connection = self._kept or self._connection(ANSWER_TIMEOUT_S)
        try:
            connection.request(method, path, body=body, headers=dict(headers))
            answer = connection.getresponse()
            content = answer.read()
        except BaseException:
            if connection is not self._kept:
                connection.close()
            raise
        self._kept = connection
        return _Answer(answer.status, content, answer.getheader("Retry-After"))

    def _connection(self, timeout: float) -> http.client.HTTPConnection:
        parts = urlsplit(self._endpoint.url)
        secure = parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        return kind(parts.hostname or "", parts.port, timeout=timeout, blocksize=_SENT_AT_ONCE)

    def _headers(self) -> dict[str, str]:
        token = self._endpoint.token
        return {"Authorization": f"Bearer {token}"} if token else {}

    def _unreachable(self, error: Exception) -> TradewindError:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return Unavailable(f"nobody answers at {self._endpoint.url} ({why.lower()})")


class _Answer:
    __slots__ = ("content", "retry_after", "status")

    def __init__(self, status: int, content: bytes, retry_after: str | None) -> None:
        self.status = status
        self.content = content
        self.retry_after = retry_after


def _patience(deadline: float | None) -> float:
    return SILENCE_S if deadline is None else max(0.001, min(SILENCE_S, deadline - time.monotonic()))
