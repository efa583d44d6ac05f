"""Following a stack's events from outside, as any reader may: what has happened, and when."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

import nats
from nats.aio.msg import Msg

STUCK_S = 60.0
"""Without one more end for so long, nothing is going on any more."""
ENDS = frozenset({"job.succeeded", "job.failed", "job.cancelled"})


@dataclass(frozen=True, slots=True)
class Heard:
    """`at` is when that which it tells of was decided, `heard_at` when it came here: seconds since 1970."""

    type: str
    subject: str
    at: float
    heard_at: float


class Following:
    """What was heard so far."""

    def __init__(self) -> None:
        self.events: list[Heard] = []
        self.ended: dict[str, Heard] = {}
        self._news = asyncio.Event()

    def times(self, subject: str) -> dict[str, Heard]:
        """The first event of each type of one thing."""
        found: dict[str, Heard] = {}
        for event in self.events:
            if event.subject == subject:
                found.setdefault(event.type, event)
        return found

    def count(self) -> Counter[str]:
        return Counter(event.type for event in self.events)

    async def until_ended(self, jobs: int) -> float:
        """Waits until so many jobs have ended; when the last did. Raises TimeoutError when nothing moves."""
        while len(self.ended) < jobs:
            self._news.clear()
            async with asyncio.timeout(STUCK_S):
                await self._news.wait()
        return max(event.heard_at for event in self.ended.values())

    async def until_job_ended(self, job: str) -> None:
        while job not in self.ended:
            self._news.clear()
            async with asyncio.timeout(STUCK_S):
                await self._news.wait()

    async def hear(self, msg: Msg) -> None:
        headers = msg.headers or {}
        event = Heard(
            headers["ce-type"].removeprefix("tradewind."),
            headers["ce-subject"],
            datetime.fromisoformat(headers["ce-time"]).timestamp(),
            time.time(),
        )
        self.events.append(event)
        if event.type in ENDS:
            self.ended.setdefault(event.subject, event)
            self._news.set()


@asynccontextmanager
async def following(url: str, subjects: str = "evt.default.>") -> AsyncGenerator[Following]:
    heard = Following()
    client = await nats.connect(url, pending_size=64 * 2**20)
    await client.subscribe(subjects, cb=heard.hear, pending_msgs_limit=-1, pending_bytes_limit=-1)
    await client.flush()
    try:
        yield heard
    finally:
        await client.close()
