"""A job's log as it is followed: all ranks, all attempts, to the end of the job.

An agent sends the whole of a rank's log before it says that the rank has ended, and a job is over when all
its ranks have. So once a job is over, all of its log lies in the stream, and whoever has read to the end of
that has seen all.
"""

import asyncio
import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tradewind.common.bus.connection import Connection
from tradewind.common.contracts.log import LogChunk
from tradewind.common.reactor.ports import Unavailable
from tradewind.gateway.domain.log_text import LogText, LogTexts, Tail
from tradewind.gateway.endings import Ending, Endings
from tradewind.gateway.job_reads import JobReads, Outcome
from tradewind.gateway.sse import Feed, ServerEvent
from tradewind.gateway.stream_reader import Start, Stored, StreamReader, reading

log = logging.getLogger(__name__)

STREAM = "LOGS"
QUIET_S = 15.0
AGAIN_S = 0.5


@dataclass(frozen=True, slots=True)
class Wish:
    """What of a job's log is to be sent. `after` is the sequence of the last message that was seen."""

    job: str
    follow: bool
    tail: int | None = None
    rank: int | None = None
    after: int | None = None


async def log_feed(wish: Wish, *, connection: Connection, jobs: JobReads, endings: Endings) -> Feed:
    """Raises Unavailable while nothing was sent; later it waits."""
    subject = f"log.*.{wish.job}.*.{'*' if wish.rank is None else wish.rank}"
    start = Start(sequence=wish.after + 1) if wish.after is not None else Start()
    texts = LogTexts()
    async with reading(connection, stream=STREAM, subjects=[subject], start=start) as reader:
        with endings.of(wish.job) as ending:
            outcome = await jobs.outcome(wish.job)
            ending.note(outcome)
            async for event in _what_is_there(reader, texts, wish.tail):
                yield event
            if wish.follow:
                async for event in _what_comes(reader, texts, jobs, ending=ending, job=wish.job):
                    yield event
                outcome = ending.outcome
            yield _end(outcome)


async def _what_is_there(reader: StreamReader, texts: LogTexts, lines: int | None) -> Feed:
    tail = Tail(lines) if lines is not None else None
    while stored := await reader.read(wait_s=0):
        for sequence, piece in _pieces(stored, texts):
            if tail is None:
                yield _log(sequence, piece)
            else:
                tail.put(sequence, piece)
    for sequence, piece in tail.pieces() if tail else ():
        yield _log(sequence, piece)


async def _what_comes(
    reader: StreamReader, texts: LogTexts, jobs: JobReads, *, ending: Ending, job: str
) -> Feed:
    """Until the job is over and all that it printed was sent."""
    while True:
        over = ending.outcome is not None
        try:
            stored = await (reader.read(wait_s=0) if over else _read_until(ending, reader))
            if not stored and not over and ending.outcome is None:
                ending.note(await jobs.outcome(job))
                yield None
        except Unavailable:
            yield None
            await asyncio.sleep(AGAIN_S)
            continue
        for sequence, piece in _pieces(stored, texts):
            yield _log(sequence, piece)
        if over and not stored:
            return


async def _read_until(ending: Ending, reader: StreamReader) -> Sequence[Stored]:
    """What comes next; empty if nothing comes for a while, or the job is over."""
    read = asyncio.create_task(reader.read(wait_s=QUIET_S))
    told = asyncio.create_task(ending.told.wait())
    try:
        await asyncio.wait({read, told}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        read.cancel()
        told.cancel()
        await asyncio.wait({read, told})
    return () if read.cancelled() else read.result()


def _pieces(stored: Sequence[Stored], texts: LogTexts) -> Iterator[tuple[int, LogText]]:
    for one in stored:
        try:
            chunk = LogChunk.read(one.subject, one.headers, one.body)
        except ValueError as why:
            log.warning("%s", why)
            continue
        piece = texts.take(chunk)
        if piece is not None:
            yield one.sequence, piece


def _log(sequence: int, piece: LogText) -> ServerEvent:
    return ServerEvent("log", piece.model_dump_json(), sequence)


def _end(outcome: Outcome | None) -> ServerEvent:
    phase, exit_code = (outcome.phase, outcome.exit_code) if outcome else (None, None)
    return ServerEvent("end", json.dumps({"phase": phase, "exit_code": exit_code}))
