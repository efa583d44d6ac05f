"""Follows a job: its log to standard output, what happens to it to standard error."""

import sys
import threading
from collections.abc import Iterator
from datetime import datetime
from typing import TextIO

from tradewind.client.cli.event_words import told
from tradewind.client.cli.exit_codes import DETACHED
from tradewind.client.cli.outcome import exit_code_of
from tradewind.client.cli.output import note
from tradewind.client.client import Client
from tradewind.client.errors import TradewindError, Unavailable
from tradewind.client.records import ENDED, JobInfo, LogChunk, LogEnd

_LAST_NOTES_S = 0.5


def follow(
    client: Client, job: JobInfo, *, since: datetime, tail: int | None = None, rank: int | None = None
) -> int:
    """Until the job is over. Returns the exit code that tells how it ended; ctrl-C leaves it running.

    What happened to the job before `since` is not told.
    """
    screen = Screen(sys.stdout, ranks=1 if rank is not None else job.size)
    notes = threading.Thread(
        target=_tell_events, args=(client, job), kwargs={"since": since, "screen": screen}, daemon=True
    )
    if not job.ended:
        notes.start()
    try:
        end = show(client.logs(job.id, tail=tail, rank=rank), screen)
    except KeyboardInterrupt:
        screen.close(
            f"detached; job {job.handle} goes on: `tw logs {job.handle}` follows it, "
            f"`tw cancel {job.handle}` ends it"
        )
        return DETACHED
    except Unavailable:
        screen.close(f"job {job.handle} goes on by itself: `tw logs {job.handle}` follows it again later")
        raise
    if notes.ident is not None:
        notes.join(_LAST_NOTES_S)
    screen.close(_outcome(job, end))
    return exit_code_of(end)


def show(log: Iterator[LogChunk | LogEnd], screen: "Screen") -> LogEnd:
    """Write a log out; returns how it ended (with no phase, if the stream does not say)."""
    end = LogEnd(phase="")
    for piece in log:
        if isinstance(piece, LogEnd):
            end = piece
        else:
            screen.write(piece)
    screen.finish()
    return end


class Screen:
    """Where pieces of logs go; those of several ranks become whole lines, each under its rank."""

    def __init__(self, out: TextIO, *, ranks: int) -> None:
        self._out = out
        self._named = ranks > 1
        self._begun: dict[int, str] = {}
        self._at_line_start = True
        self._closed = False
        self._lock = threading.Lock()

    def write(self, piece: LogChunk) -> None:
        with self._lock:
            if not self._named:
                self._put(piece.text)  # at once, so that a progress bar moves
                return
            *lines, rest = (self._begun.pop(piece.rank, "") + piece.text).split("\n")
            if rest:
                self._begun[piece.rank] = rest
            self._put("".join(f"(rank {piece.rank}) {line}\n" for line in lines))

    def beside(self, text: str) -> None:
        """A note about the job, on a line of its own."""
        with self._lock:
            self._beside(text)

    def close(self, last_words: str) -> None:
        """The last note; what another thread still hears is not shown after it."""
        with self._lock:
            self._beside(last_words)
            self._closed = True

    def finish(self) -> None:
        with self._lock:
            for rank, rest in sorted(self._begun.items()):
                self._put(f"(rank {rank}) {rest}\n")
            self._begun.clear()

    def _beside(self, text: str) -> None:
        if self._closed:
            return
        if not self._at_line_start and self._out.isatty():
            self._put("\n")
        note(text)

    def _put(self, text: str) -> None:
        if text:
            self._out.write(text)
            self._out.flush()
            self._at_line_start = text.endswith("\n")


def _tell_events(client: Client, job: JobInfo, *, since: datetime, screen: Screen) -> None:
    last = ""
    try:
        with Client(client.endpoint.url, client.endpoint.token) as own:
            for event in own.events(job=job.id, follow=True, since=since.isoformat()):
                if event.subject == job.id and event.level.get("phase") in ENDED:
                    return
                text = told(event)
                if text and text != last:
                    screen.beside(f"job {job.handle}: {text}")
                    last = text
    except TradewindError:
        return  # the log tells as well whether the control plane is there


def _outcome(job: JobInfo, end: LogEnd) -> str:
    code = f" with exit code {end.exit_code}" if end.exit_code else ""
    return f"job {job.handle} ({job.name}) {end.phase or 'ended'}{code}"
