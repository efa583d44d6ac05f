"""A node dies, or falls silent, under a running job: when that is known, and when the job runs again."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bench.figure import Figure, Target
from bench.following import Following, following
from bench.stacks import Stack, stack, task
from tradewind.client import Client
from tradewind.client.client import Job
from tradewind.common.processes import started_at

SILENCE_WITHIN_S = 60.0
WHOLE = "2"
"""The CPUs of a node: no two jobs share one."""


def after_a_kill(*, quick: bool) -> Iterator[Figure]:
    """kill -9 of every process of the job's node, with another node up and idle."""
    rounds = 2 if quick else 15
    with stack(nodes=2, slots=2) as running:
        lives = asyncio.run(_kills(running, rounds))
    how = (
        f"kill -9 of all processes of the node under a running job, {rounds} times, on infra `local`; "
        "another node is up and idle; from the first signal to the time in the event"
    )
    for step, target_s in (("node.lost", 1.0), ("job.running", 5.0)):
        took = [life[step] for life in lives]
        yield Figure(
            f"killed_to_{step.replace('.', '_')}",
            median(took),
            "s",
            how,
            Target("<=", target_s),
            {"max_s": max(took)},
        )


def after_silence(*, quick: bool) -> Iterator[Figure]:
    """The agent stands still with its connection open, as behind a link that is down."""
    rounds = 1 if quick else 5
    with stack(nodes=1, slots=2) as running:
        took = asyncio.run(_silences(running, rounds))
    how = (
        f"SIGSTOP of the node's agent under a running job, {rounds} times: nothing is closed, nothing is "
        "heard; until node.suspect; afterwards the job must still run in its first attempt"
    )
    yield Figure("silent_to_suspect", median(took), "s", how, Target("<=", 15), {"max_s": max(took)})


async def _kills(running: Stack, rounds: int) -> list[dict[str, float]]:
    lives: list[dict[str, float]] = []
    async with following(running.reader_url()) as events:
        for _ in range(rounds):
            with running.client() as tw:
                await asyncio.to_thread(_fill, tw, 2)
                job, node = await asyncio.to_thread(_running_job, tw)
                before = time.time()
                for pid in _processes(node):
                    os.kill(pid, signal.SIGKILL)
                lost = await _when(events, "node.lost", node, after=before)
                again = await _when(events, "job.running", job.id, after=before)
                lives.append({"node.lost": lost - before, "job.running": again - before})
                await asyncio.to_thread(_end, job)
    return lives


async def _silences(running: Stack, rounds: int) -> list[float]:
    took: list[float] = []
    async with following(running.reader_url()) as events:
        with running.client() as tw:
            job, node = await asyncio.to_thread(_running_job, tw)
            for _ in range(rounds):
                await asyncio.sleep(7.0)  # somewhere between two heartbeats
                agent = _agent(node)
                before = time.time()
                os.kill(agent, signal.SIGSTOP)
                try:
                    took.append(await _when(events, "node.suspect", node, after=before) - before)
                finally:
                    os.kill(agent, signal.SIGCONT)
                await _when(events, "node.ready", node, after=before)
            info = await asyncio.to_thread(job.info)
            if (info.phase, info.attempt) != ("running", 1):
                raise RuntimeError(
                    f"a silence disturbed the job: it is {info.phase} in attempt {info.attempt}"
                )
            await asyncio.to_thread(_end, job)
    return took


def _fill(tw: Client, nodes: int) -> None:
    """Have a job on each node, so that all of them are up; then they are idle."""
    for job in [tw.submit(task("sleep 1", cpus=WHOLE)) for _ in range(nodes)]:
        job.wait(timeout=60)


def _running_job(tw: Client) -> tuple[Job, str]:
    job = tw.submit(task("sleep 600", cpus=WHOLE))
    deadline = time.monotonic() + 30
    while (info := job.info()).phase != "running":
        if time.monotonic() > deadline:
            raise RuntimeError(f"the job does not start: {info.phase} {info.reason}")
        time.sleep(0.05)
    return job, info.ranks[0].node


def _end(job: Job) -> None:
    job.cancel()
    job.wait(timeout=30)


async def _when(events: Following, kind: str, subject: str, *, after: float) -> float:
    """The time in the first such event of that thing after a moment."""
    deadline = time.monotonic() + SILENCE_WITHIN_S
    while time.monotonic() < deadline:
        for event in events.events:
            if (event.type, event.subject) == (kind, subject) and event.at > after:
                return event.at
        await asyncio.sleep(0.02)
    raise RuntimeError(f"no {kind} of {subject} within {SILENCE_WITHIN_S:g} s")


def _processes(node: str) -> list[int]:
    """Every living process of the node."""
    mark = f"TRADEWIND_NODE_ID={node}".encode()
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        try:
            marked = entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if marked and started_at(int(entry.name)) is not None:
            found.append(int(entry.name))
    return found


def _agent(node: str) -> int:
    """The process of the node's agent."""
    for pid in _processes(node):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if b"tradewind.agent" in words:
            return pid
    raise RuntimeError(f"node {node} has no agent")
