"""Chunks of logs as text: what came twice is dropped, characters that two chunks share are put together."""

import codecs
from collections import deque
from dataclasses import dataclass, field

from tradewind.common.contracts.base import Value
from tradewind.common.contracts.log import LogChunk
from tradewind.common.contracts.values import Fence

TAIL_BYTES = 4 * 2**20
"""A tail is kept in memory until it is known to be one: at most that much of it."""


class LogText(Value):
    """A piece of what one rank printed. `offset` is in bytes of that rank's log of that attempt."""

    rank: int
    node: str
    attempt: int
    offset: int
    text: str


@dataclass(slots=True)
class _Reached:
    offset: int = 0
    decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")(errors="replace")
    )


class LogTexts:
    """How far each process of a job was read."""

    def __init__(self) -> None:
        self._reached: dict[Fence, _Reached] = {}

    def take(self, chunk: LogChunk) -> LogText | None:
        """What the chunk adds; None if all of it was there."""
        reached = self._reached.setdefault(chunk.fence, _Reached())
        if chunk.end <= reached.offset:
            return None
        if chunk.offset > reached.offset:
            reached.decoder.reset()  # the stream has dropped what was between
        start = max(chunk.offset, reached.offset)
        held_back, _ = reached.decoder.getstate()
        text = reached.decoder.decode(chunk.body[start - chunk.offset :])
        reached.offset = chunk.end
        if not text:
            return None
        return LogText(
            rank=chunk.fence.rank,
            node=chunk.node,
            attempt=chunk.fence.attempt,
            offset=start - len(held_back),
            text=text,
        )


class Tail:
    """The last lines of what is put in, each piece with its place in the stream."""

    def __init__(self, lines: int) -> None:
        self._wanted = lines
        self._lines = 0
        self._bytes = 0
        self._kept: deque[tuple[int, LogText]] = deque()

    def put(self, sequence: int, piece: LogText) -> None:
        self._kept.append((sequence, piece))
        self._lines += _lines(piece.text)
        self._bytes += len(piece.text)
        while self._kept and (
            self._lines - _lines(self._kept[0][1].text) >= self._wanted or self._bytes > TAIL_BYTES
        ):
            _, dropped = self._kept.popleft()
            self._lines -= _lines(dropped.text)
            self._bytes -= len(dropped.text)

    def pieces(self) -> list[tuple[int, LogText]]:
        if not self._kept or self._lines <= self._wanted:
            return list(self._kept)
        sequence, first = self._kept[0]
        surplus = self._lines - self._wanted
        cut = sum(len(line) for line in first.text.splitlines(keepends=True)[:surplus])
        offset = first.offset + len(first.text[:cut].encode())
        return [(sequence, first.but(text=first.text[cut:], offset=offset)), *list(self._kept)[1:]]


def _lines(text: str) -> int:
    return len(text.splitlines())
