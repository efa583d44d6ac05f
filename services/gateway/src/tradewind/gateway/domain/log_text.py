"""Chunks of logs as text: what came twice is dropped, characters that two chunks share are put together."""

import codecs
from collections import deque
from dataclasses import dataclass, field

from tradewind.common.contracts.base import Value
from tradewind.common.contracts.log import LogChunk
from tradewind.common.contracts.values import Fence

TAIL_LENGTH = 4 * 2**20
"""Characters of a tail that are kept until it is known to be one, at most."""


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
    """The last lines of what is put in, each piece with its place in the stream.

    A line ends with a newline only: progress bars write many carriage returns.
    """

    def __init__(self, lines: int) -> None:
        self._wanted = lines
        self._newlines = 0
        self._length = 0
        self._kept: deque[tuple[int, LogText]] = deque()

    def put(self, sequence: int, piece: LogText) -> None:
        self._kept.append((sequence, piece))
        self._newlines += piece.text.count("\n")
        self._length += len(piece.text)
        # One newline more than lines wanted: it ends the line before them.
        while len(self._kept) > 1 and (
            self._newlines - _newlines(self._kept[0]) > self._wanted or self._length > TAIL_LENGTH
        ):
            self._drop()

    def pieces(self) -> list[tuple[int, LogText]]:
        """No more may be put in."""
        if not self._kept or not self._wanted:
            return []
        ends_a_line = self._kept[-1][1].text.endswith("\n")
        surplus = self._newlines - self._wanted + (not ends_a_line)
        while surplus > _newlines(self._kept[0]):
            surplus -= _newlines(self._kept[0])
            self._drop()
        if surplus > 0:
            sequence, first = self._kept.popleft()
            before = len("\n".join(first.text.split("\n", surplus)[:-1])) + 1
            rest = first.but(
                text=first.text[before:], offset=first.offset + len(first.text[:before].encode())
            )
            if rest.text:
                self._kept.appendleft((sequence, rest))
        return list(self._kept)

    def _drop(self) -> None:
        _, dropped = self._kept.popleft()
        self._newlines -= dropped.text.count("\n")
        self._length -= len(dropped.text)


def _newlines(kept: tuple[int, LogText]) -> int:
    return kept[1].text.count("\n")
