"""Blobs: files named by the sha256 of what is in them. One that is there is whole, and never changes."""

import asyncio
import contextlib
import hashlib
import os
import re
import secrets
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

from tradewind.common.contracts.base import Value
from tradewind.common.private_files import sync_folder

SHA256 = re.compile(r"[0-9a-f]{64}")
DRAFT_KEPT_S = 86_400.0
"""An upload that wrote nothing for so long is over."""
WRITTEN_AT_ONCE = 1024 * 1024
"""Bytes that are hashed and written in one go, off the event loop."""


class Blob(Value):
    sha256: str
    size: int


class BlobRefused(ValueError):
    """The text says why."""


class BlobTooLarge(BlobRefused):
    pass


class Blobs:
    """Under `folder/sha256/ab/abcd…`. `limit` is the largest blob, in bytes."""

    def __init__(self, folder: Path, *, limit: int) -> None:
        self._folder = folder / "sha256"
        self._limit = limit

    async def add(self, chunks: AsyncIterator[bytes], *, expected: str | None = None) -> Blob:
        """Keep what comes in `chunks`; on return it is on the disk. Interrupted, nothing of it is left.

        Raises:
            BlobTooLarge: there is more than `limit`.
            BlobRefused: it does not hash to `expected`.
        """
        draft = self._folder / f"{os.getpid()}.{secrets.token_hex(8)}.new"
        await asyncio.to_thread(self._folder.mkdir, mode=0o700, parents=True, exist_ok=True)
        try:
            with draft.open("xb") as file:
                blob = await self._receive(chunks, file)
            if expected is not None and blob.sha256 != expected:
                raise BlobRefused(f"what came hashes to {blob.sha256}, not to {expected}: send it again")
            await asyncio.to_thread(self._keep, draft, blob)
            return blob
        finally:
            with contextlib.suppress(FileNotFoundError):
                draft.unlink()

    def size(self, sha256: str) -> int | None:
        """In bytes; None if it is not here."""
        try:
            return self._path(sha256).stat().st_size
        except FileNotFoundError:
            return None

    def read(self, sha256: str, *, offset: int, length: int) -> bytes:
        """At most `length` bytes from `offset`. Raises FileNotFoundError."""
        with self._path(sha256).open("rb") as file:
            return os.pread(file.fileno(), length, offset)

    def forget_drafts(self) -> None:
        """Remove what was left of uploads by a process that was killed."""
        for draft in self._folder.glob("*.new"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - draft.stat().st_mtime > DRAFT_KEPT_S:
                    draft.unlink()

    async def _receive(self, chunks: AsyncIterator[bytes], file: BinaryIO) -> Blob:
        digest, size, pending = hashlib.sha256(), 0, bytearray()

        def write(piece: bytes) -> None:
            digest.update(piece)
            file.write(piece)

        async for chunk in chunks:
            size += len(chunk)
            if size > self._limit:
                raise BlobTooLarge(f"a blob has at most {self._limit} bytes here")
            pending += chunk
            if len(pending) >= WRITTEN_AT_ONCE:
                await asyncio.to_thread(write, bytes(pending))
                pending.clear()

        def finish() -> None:
            write(bytes(pending))
            file.flush()
            os.fsync(file.fileno())

        await asyncio.to_thread(finish)
        return Blob(sha256=digest.hexdigest(), size=size)

    def _keep(self, draft: Path, blob: Blob) -> None:
        path = self._path(blob.sha256)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        draft.chmod(0o600)
        draft.replace(path)
        sync_folder(path.parent)
        sync_folder(self._folder)

    def _path(self, sha256: str) -> Path:
        if not SHA256.fullmatch(sha256):
            raise FileNotFoundError(sha256)
        return self._folder / sha256[:2] / sha256
