"""What a grant gives: the spec of a job and the blobs that it names, asked of the gateway piece by piece.

The requests go over the bus (`said.<node>.fetch`), so a node needs no other way out. While nobody answers,
they are repeated; only a definite refusal ends a fetch.
"""

import asyncio
import hashlib
import logging
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from itertools import chain, repeat
from pathlib import Path
from weakref import WeakValueDictionary

from pydantic import ValidationError

from tradewind.common.bus.connection import Connection
from tradewind.common.bus.failures import unavailable
from tradewind.common.contracts.piece import unpack
from tradewind.common.contracts.rank import AllocationWant, Fetch, Fetched
from tradewind.common.contracts.task import JobSpec
from tradewind.common.reactor.ports import Unavailable

log = logging.getLogger(__name__)

TIMEOUT_S = 10.0
PAUSES_S = (0.05, 0.2, 0.5, 1.0, 2.0, 5.0)
AT_ONCE = 4
"""Pieces on their way at once: two MiB."""
SPECS_KEPT = 200
BLOBS_BYTES = 10 * 2**30


class FetchRefused(Exception):
    """It will not be given, now or later. The text says why, in one sentence."""


class Fetcher:
    """Keeps specs in memory and blobs in a folder, by name: neither ever changes under its name."""

    def __init__(self, connection: Connection, *, node: str, blobs: Path) -> None:
        self._connection = connection
        self._node = node
        self._blobs = blobs
        self._specs: OrderedDict[str, JobSpec] = OrderedDict()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def spec(self, want: AllocationWant) -> JobSpec:
        """Raises FetchRefused."""
        async with self._alone(want.spec_ref):
            known = self._specs.get(want.spec_ref) or await self._download_spec(want)
        self._specs[want.spec_ref] = known
        self._specs.move_to_end(want.spec_ref)
        if len(self._specs) > SPECS_KEPT:
            self._specs.popitem(last=False)
        return known

    async def blob(self, want: AllocationWant, sha256: str) -> Path:
        """The file that holds the blob. Raises FetchRefused."""
        blob = self._blobs / sha256
        async with self._alone(sha256):
            if not blob.exists():
                await self._download(want, sha256, blob)
        blob.touch()  # last used now
        return blob

    def _alone(self, ref: str) -> asyncio.Lock:
        """Ranks that need the same thing wait for the first of them to get it."""
        lock = self._locks.get(ref)
        if lock is None:
            lock = self._locks[ref] = asyncio.Lock()
        return lock

    async def _download_spec(self, want: AllocationWant) -> JobSpec:
        raw = bytearray()
        async for piece in self._pieces(want, want.spec_ref):
            raw += piece
        try:
            return JobSpec.model_validate_json(bytes(raw))
        except ValidationError as error:
            raise FetchRefused(f"the job's spec cannot be read: {error.errors()[0]['msg']}") from None

    async def _download(self, want: AllocationWant, sha256: str, blob: Path) -> None:
        draft = blob.with_suffix(".new")
        digest = hashlib.sha256()
        with draft.open("wb") as file:
            async for piece in self._pieces(want, sha256):
                file.write(piece)
                digest.update(piece)
        if digest.hexdigest() != sha256:
            draft.unlink()
            raise FetchRefused(f"the work directory {sha256[:12]}… came with other bytes than its name says")
        self._make_room(draft.stat().st_size)
        draft.replace(blob)

    async def _pieces(self, want: AllocationWant, ref: str) -> AsyncIterator[bytes]:
        """In their order; some are asked for ahead. Raises FetchRefused."""
        told, first = await self._piece(want, ref, 0)
        yield first
        offsets = iter(range(len(first), told.total, len(first) or 1))
        ahead: deque[asyncio.Task[tuple[Fetched, bytes]]] = deque()
        try:
            for offset in chain(offsets, repeat(None, AT_ONCE)):
                if offset is not None:
                    ahead.append(asyncio.create_task(self._piece(want, ref, offset)))
                if ahead and (offset is None or len(ahead) >= AT_ONCE):
                    _, piece = await ahead.popleft()
                    yield piece
        finally:
            for task in ahead:
                task.cancel()

    async def _piece(self, want: AllocationWant, ref: str, offset: int) -> tuple[Fetched, bytes]:
        question = Fetch(node=self._node, grant=want.grant, ref=ref, offset=offset)
        body = question.model_dump_json().encode()
        for pause_s in chain(PAUSES_S, repeat(PAUSES_S[-1])):
            try:
                with unavailable("nobody gives it"):
                    answer = await self._connection.client.request(question.subject, body, timeout=TIMEOUT_S)
                told, piece = unpack(answer.data)
            except (Unavailable, ValueError) as fault:
                why = str(fault)
            else:
                if not told.error:
                    return told, piece
                if not told.retry:
                    raise FetchRefused(told.error)
                why = told.error
            log.warning("fetching %s for job %s: %s; asking again", ref[:12], want.job, why)
            await asyncio.sleep(pause_s)
        raise AssertionError("it is asked for ever")

    def _make_room(self, size: int) -> None:
        """Drop those that were used longest ago. Their ranks have them unpacked."""
        kept = sorted(
            (blob for blob in self._blobs.iterdir() if blob.suffix != ".new"),
            key=lambda blob: blob.stat().st_mtime,
        )
        used = size + sum(blob.stat().st_size for blob in kept)
        for blob in kept:
            if used <= BLOBS_BYTES:
                return
            used -= blob.stat().st_size
            blob.unlink()
