"""What ranks print, sent to the bus as it is written.

Each rank's log is a file that only its commands write to. inotify says when it has grown: one event, after
which the watch is gone until we have read to the end and set it again, so a chatty rank wakes us fifty
times a second and not at every line. How far the bus has it is kept beside the log.
"""

import asyncio
import logging
import os
from dataclasses import dataclass, field

from inotify_simple import INotify, flags

from tradewind.agent.rank_folder import RankFolder
from tradewind.agent.tasks import Failed, Tasks, cancel
from tradewind.common.bus.connection import Connection
from tradewind.common.bus.publisher import Publisher
from tradewind.common.contracts.log import CHUNK_BYTES, LogChunk
from tradewind.common.contracts.values import Fence
from tradewind.common.reactor.ports import Unavailable

log = logging.getLogger(__name__)

GATHER_S = 0.02
"""The first bytes go at once; what follows is gathered for so long."""
CHUNKS_AT_ONCE = 16
PAUSES_S = (0.05, 0.2, 1.0, 2.0)
PATIENCE_S = 30.0
"""While the bus is there but will not take a log, an end is not kept back for longer."""


@dataclass(eq=False)
class Tail:
    """One log that is being followed."""

    fence: Fence
    folder: RankFolder
    descriptor: int
    acked: int
    """The bus has everything before this offset."""
    grown: asyncio.Event = field(default_factory=asyncio.Event)
    hurry: asyncio.Event = field(default_factory=asyncio.Event)
    dry: asyncio.Event = field(default_factory=asyncio.Event)
    """There was nothing more to read when last looked."""
    task: asyncio.Task[None] | None = None

    def read(self, node: str) -> list[LogChunk]:
        raw = os.pread(self.descriptor, CHUNK_BYTES * CHUNKS_AT_ONCE, self.acked)
        return [
            LogChunk(node, self.fence, self.acked + start, raw[start : start + CHUNK_BYTES])
            for start in range(0, len(raw), CHUNK_BYTES)
        ]

    def has_more(self) -> bool:
        return os.fstat(self.descriptor).st_size > self.acked


class LogShipper:
    def __init__(self, *, node: str, connection: Connection, publisher: Publisher, failed: Failed) -> None:
        self._node = node
        self._connection = connection
        self._publisher = publisher
        self._tails: dict[Fence, Tail] = {}
        self._watched: dict[int, Tail] = {}
        self._tasks = Tasks(failed)
        self._inotify = INotify(nonblocking=True)
        asyncio.get_running_loop().add_reader(self._inotify.fileno(), self._on_grown)

    def follow(self, fence: Fence, folder: RankFolder) -> None:
        """From where the bus has it. The log is made if it is not there."""
        if fence in self._tails:
            return
        descriptor = os.open(folder.log, os.O_RDONLY | os.O_CREAT, 0o600)
        tail = Tail(fence, folder, descriptor, acked=_shipped(folder))
        self._tails[fence] = tail
        tail.task = self._tasks.spawn(self._run(tail))

    async def drain(self, fence: Fence) -> None:
        """Returns when the bus has all that is in the log now. Waits out a loss of the bus."""
        tail = self._tails.get(fence)
        if tail is None:
            return
        tail.dry.clear()
        tail.hurry.set()
        tail.grown.set()
        while not tail.dry.is_set():
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await tail.dry.wait()
            except TimeoutError:
                if self._connection.up:
                    log.error("the bus does not take the log of %s; its end is told without", fence)
                    return

    async def drop(self, fence: Fence) -> None:
        """Follow it no longer."""
        tail = self._tails.pop(fence, None)
        if tail is not None and tail.task is not None:
            await cancel([tail.task])

    async def close(self) -> None:
        for fence in tuple(self._tails):
            await self.drop(fence)
        asyncio.get_running_loop().remove_reader(self._inotify.fileno())
        self._inotify.close()

    async def _run(self, tail: Tail) -> None:
        clock = asyncio.get_running_loop().time
        try:
            while True:
                sent = -GATHER_S
                while chunks := tail.read(self._node):
                    await self._send(tail, chunks)
                    sent = clock()
                self._watch(tail)
                if not tail.has_more():  # else it has grown before the watch was there
                    tail.dry.set()
                    await tail.grown.wait()
                tail.grown.clear()
                await _wait(tail.hurry, sent + GATHER_S - clock())
        finally:
            os.close(tail.descriptor)

    async def _send(self, tail: Tail, chunks: list[LogChunk]) -> None:
        """All of them, again from the first one if need be: readers drop what they have."""
        failed = 0
        while True:
            try:
                await self._publisher.publish([chunk.packet for chunk in chunks])
            except Unavailable as why:
                if failed == 0:
                    log.warning("the log of %s waits: %s", tail.fence, why)
                await asyncio.sleep(PAUSES_S[min(failed, len(PAUSES_S) - 1)])
                failed += 1
            else:
                tail.acked = chunks[-1].end
                _note_shipped(tail.folder, tail.acked)
                return

    def _watch(self, tail: Tail) -> None:
        try:
            watch = self._inotify.add_watch(tail.folder.log, flags.MODIFY | flags.ONESHOT)
        except OSError:  # the folder was taken away meanwhile
            return
        self._watched[watch] = tail

    def _on_grown(self) -> None:
        for event in self._inotify.read(timeout=0):
            # A one-shot watch tells of the growth, and then that it is gone.
            tail = self._watched.pop(event.wd, None)
            if tail is not None:
                tail.grown.set()


def _shipped(folder: RankFolder) -> int:
    try:
        return int(folder.shipped.read_text())
    except (FileNotFoundError, ValueError):
        return 0


def _note_shipped(folder: RankFolder, offset: int) -> None:
    """Of fixed width, so that one write puts it in the place of the other."""
    descriptor = os.open(folder.shipped, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, b"%019d\n" % offset)
    finally:
        os.close(descriptor)


async def _wait(event: asyncio.Event, at_most_s: float) -> None:
    if at_most_s > 0 and not event.is_set():
        try:
            async with asyncio.timeout(at_most_s):
                await event.wait()
        except TimeoutError:
            return
