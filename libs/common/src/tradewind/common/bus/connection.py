"""A connection to NATS that waits for its server, mends itself, and says once what is the matter."""

import asyncio
import logging
from collections.abc import Callable
from urllib.parse import urlsplit

from nats.aio.client import Client
from nats.js import JetStreamContext

from tradewind.common.bus.failures import reason, unavailable
from tradewind.common.reactor.ports import Unavailable

log = logging.getLogger(__name__)

RECONNECT_WAIT_S = 0.2
REFUSED_FOR_GOOD_S = 30.0
REQUEST_TIMEOUT_S = 5.0
DEFAULT_PORTS = {"nats": 4222, "tls": 4222, "ws": 80, "wss": 443}
# Taking over a consumer needs CONSUMER.RESET (ADR-60 of nats-architecture-and-design).
OLDEST_SERVER = (2, 14)


class Connection:
    """One connection with what its users share: JetStream, and news of losing and finding the server.

    It reconnects for ever. It is closed for good only by `close`, or when the server takes back our
    credentials; whoever owns the process awaits `lost`, and ends it then.
    """

    def __init__(self, *, server: str) -> None:
        self.client = Client()
        self.server = server
        """Host and port: what may be logged of the URL."""
        self.js: JetStreamContext = self.client.jetstream(timeout=REQUEST_TIMEOUT_S)
        self._watchers: list[Callable[[bool], None]] = []
        self._closing = False
        self._closed = asyncio.Event()
        self._said: set[str] = set()
        self._refused = ""
        self._refused_since = 0.0
        self._ending: asyncio.Task[None] | None = None

    async def open(self, url: str, *, name: str, inbox_prefix: str, deadline: float) -> None:
        """Use `connect`. Raises Unavailable."""
        try:
            async with asyncio.timeout_at(deadline):
                await self.client.connect(
                    url,
                    name=name,
                    inbox_prefix=inbox_prefix,
                    max_reconnect_attempts=-1,  # the default gives up after 60 tries
                    # Annotated as int, but given to asyncio.sleep.
                    reconnect_time_wait=RECONNECT_WAIT_S,  # type: ignore[arg-type] # see the line above
                    error_cb=self._on_error,
                    disconnected_cb=self._on_disconnected,
                    reconnected_cb=self._on_reconnected,
                    closed_cb=self._on_closed,
                )
        except TimeoutError:
            await self.close()
            raise Unavailable(f"NATS at {self.server}: {self._refused or 'no answer in time'}") from None
        version = self.client.connected_server_version
        if (version.major, version.minor) < OLDEST_SERVER:
            await self.close()
            oldest = ".".join(map(str, OLDEST_SERVER))
            raise Unavailable(f"NATS at {self.server} is too old: run nats-server {oldest} or newer")

    @property
    def up(self) -> bool:
        return self.client.is_connected

    def require_up(self) -> None:
        """Raises Unavailable now, where nats-py would keep what it is given, and send it whenever it can."""
        if not self.up:
            raise Unavailable(f"NATS at {self.server} is not reachable")

    @property
    def closed(self) -> bool:
        return self.client.is_closed

    def watch(self, told: Callable[[bool], None]) -> Callable[[], None]:
        """Calls `told(False)` when the server is lost, `told(True)` when it is back. Returns its end."""
        self._watchers.append(told)
        return lambda: self._watchers.remove(told)

    async def lost(self) -> None:
        """Waits until the connection is closed for good by anybody but us. Raises Unavailable then."""
        await self._closed.wait()
        if not self._closing:
            raise Unavailable(self._epitaph)

    async def close(self) -> None:
        """Sends what was written, then closes."""
        self._closing = True
        await self.client.close()

    async def _on_error(self, error: Exception) -> None:
        said = reason(error)
        if said not in self._said:  # an outage repeats its errors five times a second
            self._said.add(said)
            log.warning("NATS at %s: %s", self.server, said)
        if "Authorization" in said:
            await self._on_refusal(said)

    async def _on_refusal(self, said: str) -> None:
        """Credentials are read at start: if these are refused for long, a new process may bring others."""
        now = asyncio.get_running_loop().time()
        self._refused, self._refused_since = said, self._refused_since or now
        if now - self._refused_since > REFUSED_FOR_GOOD_S:
            self._ending = asyncio.create_task(
                self.client.close()
            )  # not here: it waits for the task that we are in

    async def _on_disconnected(self) -> None:
        if not self._closing:
            log.warning("NATS at %s is lost; reconnecting", self.server)
        self._tell(False)

    async def _on_reconnected(self) -> None:
        self._said.clear()
        self._refused, self._refused_since = "", 0.0
        log.info("NATS at %s is back", self.server)
        self._tell(True)

    async def _on_closed(self) -> None:
        if not self._closing:
            log.error("%s", self._epitaph)
        self._closed.set()
        self._tell(False)

    @property
    def _epitaph(self) -> str:
        return f"NATS at {self.server} closed the connection for good: {self._refused or 'it was asked to'}"

    def _tell(self, up: bool) -> None:
        for told in tuple(self._watchers):
            told(up)


async def connect(url: str, *, name: str, inbox_prefix: str = "_INBOX", wait_s: float = 10.0) -> Connection:
    """Connect to the server at `url`, waiting `wait_s` seconds for it to come up and to know our credentials.

    Args:
        name: what the server's monitoring calls the connection.
        inbox_prefix: where answers go; a node may listen under its own prefix only.

    Raises:
        Unavailable: it did not; the text says at which step.
    """
    at = urlsplit(url)
    host, port = at.hostname or "localhost", at.port or DEFAULT_PORTS.get(at.scheme, 4222)
    connection = Connection(server=f"{host}:{port}")
    deadline = asyncio.get_running_loop().time() + wait_s
    with unavailable(f"NATS at {connection.server}"):
        # When the first connect is refused, nats-py prints a traceback and waits 2 s: first see who listens.
        await _until_it_listens(host, port, deadline)
    await connection.open(url, name=name, inbox_prefix=inbox_prefix, deadline=deadline)
    return connection


async def _until_it_listens(host: str, port: int, deadline: float) -> None:
    wait_s = 0.005
    while True:
        try:
            async with asyncio.timeout_at(deadline):
                _, writer = await asyncio.open_connection(host, port)
        except OSError:
            if asyncio.get_running_loop().time() + wait_s > deadline:
                raise
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, RECONNECT_WAIT_S)
        else:
            writer.close()
            return
