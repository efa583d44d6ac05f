"""A control plane that is killed again and again: who is next, and asking until it answers."""

import itertools
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TypeVar

from tests.e2e.stack import LocalStack
from tradewind.client import Client
from tradewind.client.records import JobInfo

Answer = TypeVar("Answer")

PATIENCE_S = 120.0
"""The client tries again by itself for a while; a kill of everything may last longer."""

GOES_ON_WITHIN_S = 30.0


def in_turn(
    victims: Sequence[str], *, pause_s: float, done: Callable[[], int], over: threading.Event
) -> Iterator[str]:
    """One after the other until it is over, each when work has gone on: a slow machine is not held down."""
    for victim in itertools.cycle(victims):
        before = done()
        if over.wait(pause_s):
            return
        deadline = time.monotonic() + GOES_ON_WITHIN_S
        while done() == before and time.monotonic() < deadline:
            if over.wait(0.2):
                return
        yield victim


def insist(ask: Callable[[], Answer]) -> Answer:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return ask()
        except Exception:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def await_all(stack: LocalStack, ids: Sequence[str], *, within_s: float) -> dict[str, JobInfo]:
    """How each of these jobs ended, by id."""
    deadline = time.monotonic() + within_s
    ended: dict[str, JobInfo] = {}
    while len(ended) < len(ids):
        assert time.monotonic() < deadline, _unfinished(stack, ids, ended)
        with stack.client() as tw:
            ended = insist(lambda tw=tw: _ended(tw, ids))
        time.sleep(0.5)
    return ended


def _ended(tw: Client, ids: Sequence[str]) -> dict[str, JobInfo]:
    wanted = set(ids)
    return {info.id: info for info in tw.jobs(limit=len(ids)) if info.id in wanted and info.ended}


def _unfinished(stack: LocalStack, ids: Sequence[str], ended: Collection[str]) -> str:
    with stack.client() as tw:
        left = [insist(lambda one=one: tw.job_info(one)) for one in ids if one not in ended]
    return f"{len(left)} jobs are not over: " + "; ".join(
        f"{one.id} {one.phase} {one.reason}" for one in left[:5]
    )
