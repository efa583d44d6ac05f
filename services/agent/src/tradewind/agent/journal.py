"""What the node must not forget: the wants in force, what it said of its ranks, what of that was acked.

An append-only file, one JSON object a line, each written before the agent acts on it or says it. The kernel
keeps what was written when the agent is killed; ends of ranks are also synced to the disk, soon after,
since only here is remembered what a rank's exit code was once its files are gone. Read and written anew,
without what is over, at each start and whenever it has grown.
"""

import asyncio
import logging
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import ValidationError

from tradewind.common.contracts.base import Value
from tradewind.common.contracts.rank import AllocationWant, RankSaid
from tradewind.common.contracts.values import Fence
from tradewind.common.private_files import sync_folder

log = logging.getLogger(__name__)

GROWN_BYTES = 4 * 2**20


class Record(Value):
    """One line: a want with the trace it came in and their clock, or a level that was said, or the ack of the
    last one.
    """

    want: AllocationWant | None = None
    trace: str = ""
    ahead: float | None = None
    said: RankSaid | None = None
    acked: Fence | None = None


class Journal:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = -1
        self._size = 0
        self._compact_size = 0
        self._sync_wanted = asyncio.Event()

    @property
    def has_grown(self) -> bool:
        return self._size > GROWN_BYTES + 4 * self._compact_size

    def read(self) -> Iterator[Record]:
        """What was written, in order. A line that a crash cut short is left out: nothing followed from it."""
        try:
            lines = self._path.read_bytes().splitlines()
        except FileNotFoundError:
            return
        for number, line in enumerate(lines, 1):
            try:
                yield Record.model_validate_json(line)
            except ValidationError:
                log.warning("%s:%d is no record; it is left out", self._path, number)

    def rewrite(self, records: Iterable[Record]) -> None:
        """Put these in place of all that was, and go on from there."""
        draft = self._path.with_suffix(".new")
        self.close()
        self._file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        self._size = os.write(self._file, b"".join(_line(record) for record in records))
        self._compact_size = self._size
        os.fdatasync(self._file)
        draft.replace(self._path)
        sync_folder(self._path.parent)

    def append(self, record: Record) -> None:
        self._size += os.write(self._file, _line(record))

    def sync_soon(self) -> None:
        self._sync_wanted.set()

    async def keep_synced(self) -> None:
        """Runs until cancelled. One sync serves all that asked for one meanwhile."""
        while True:
            await self._sync_wanted.wait()
            self._sync_wanted.clear()
            # A descriptor of its own: `rewrite` may close the other one at any time.
            descriptor = os.dup(self._file)
            try:
                await asyncio.to_thread(os.fdatasync, descriptor)
            finally:
                os.close(descriptor)

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _line(record: Record) -> bytes:
    return record.model_dump_json(exclude_defaults=True).encode() + b"\n"
