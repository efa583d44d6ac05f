"""A client that costs as little as it can: one kept connection, and of an answer only its head is read."""

import asyncio
import json
from collections.abc import Mapping
from typing import Self
from urllib.parse import urlsplit


class HttpLoad:
    """HTTP/1.1 over one connection. Not for two requests at once."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> None:
        self._reader = reader
        self._writer = writer
        self._head = head

    @classmethod
    async def open(cls, url: str, token: str) -> Self:
        at = urlsplit(url)
        reader, writer = await asyncio.open_connection(at.hostname, at.port, limit=2**22)
        return cls(reader, writer, f"Host: {at.netloc}\r\nAuthorization: Bearer {token}\r\n".encode())

    async def get(self, path: str) -> bytes:
        """Raises RuntimeError for any answer but success."""
        return await self._exchange(b"GET %b HTTP/1.1\r\n%b\r\n" % (path.encode(), self._head))

    async def post(self, path: str, body: object, headers: Mapping[str, str]) -> bytes:
        """Raises RuntimeError for any answer but success."""
        content = json.dumps(body).encode()
        more = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode()
        return await self._exchange(
            b"POST %b HTTP/1.1\r\n%b%bContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            % (path.encode(), self._head, more, len(content), content)
        )

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()

    async def _exchange(self, request: bytes) -> bytes:
        self._writer.write(request)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        body = await self._reader.readexactly(length)
        if not head.startswith(b"http/1.1 2"):
            raise RuntimeError(f"{head.splitlines()[0]!r}: {body[:500]!r}")
        return body
