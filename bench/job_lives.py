"""Whole job lives a second: as many as possible at once, through every service, everything durable."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator

from bench.figure import Figure, Target
from bench.following import following
from bench.http_load import HttpLoad
from bench.parts import cpu_ms_a, cpu_s
from bench.stacks import Stack, document, stack, task, warm

CLIENTS = 16
SLOTS = 256
SLURM_JOBS_S = 58
"""Of a tuned Slurm on a machine of two cores, taken earlier and not in this run."""
NOOP = "on a node whose agent is whole but starts no process; fsync on"


def one_by_one(*, quick: bool) -> Iterator[Figure]:
    count = 100 if quick else 3_000
    with stack(slots=SLOTS, noop=True) as running:
        warm(running)
        rate, parts = asyncio.run(_rate(running, count, lambda: _submit_each(running, count)))
    how = (
        f"{count} jobs, each by a POST of its own from {CLIENTS} clients at once, {NOOP}; from before the "
        "first POST until the last job.succeeded was heard"
    )
    yield Figure("lives_one_by_one", rate, "jobs/s", how, Target(">=", 100, stretch=300), parts)


def as_array(*, quick: bool) -> Iterator[Figure]:
    count = 200 if quick else 10_000
    with stack(slots=SLOTS, noop=True) as running:
        warm(running)
        rate, parts = asyncio.run(_rate(running, count, lambda: _submit_array(running, count, run="true")))
    how = f"one array of {count} jobs, {NOOP}; from before the POST until the last job.succeeded was heard"
    yield Figure("lives_as_array", rate, "jobs/s", how, Target(">=", 300), parts)


def real_processes(*, quick: bool) -> Iterator[Figure]:
    count, slots = (50, 16) if quick else (1_000, 16)
    with stack(slots=slots) as running:
        warm(running)
        rate, parts = asyncio.run(_rate(running, count, lambda: _submit_array(running, count, run="true")))
    how = (
        f"one array of {count} jobs that run `true`, on one node of {slots} slots; `of_slurm` is the ratio "
        f"to the {SLURM_JOBS_S} jobs/s of a tuned Slurm, taken earlier on such a machine and not in this run"
    )
    yield Figure("real_processes", rate, "jobs/s", how, parts={"of_slurm": rate / SLURM_JOBS_S, **parts})


async def _rate(
    running: Stack, count: int, submit: Callable[[], Awaitable[None]]
) -> tuple[float, dict[str, float]]:
    async with following(running.reader_url(), "evt.default.job.*") as events:
        used, began = cpu_s(running.pid), time.time()
        await submit()
        submitted = time.time()
        ended = await events.until_ended(count)
        cpu = cpu_ms_a(count, since=used, stack_pid=running.pid)
        kinds = events.count()
    wrong = {kind: kinds[kind] for kind in ("job.failed", "job.cancelled") if kinds[kind]}
    if wrong:
        raise RuntimeError(f"not all jobs succeeded: {wrong}")
    halves = sorted(event.heard_at for event in events.ended.values())
    return count / (ended - began), {
        "submitting_s": submitted - began,
        "whole_s": ended - began,
        "first_half_s": halves[count // 2] - began,
        "said_to_run": kinds["job.running"],
        "events_of_jobs": kinds.total(),
        **cpu,
    }


async def _submit_each(running: Stack, count: int) -> None:
    spec = document(task("true"))
    left = iter(range(count))

    async def client() -> None:
        http = await HttpLoad.open(running.url, running.token)
        for _ in left:
            await http.post("/v1/jobs", {"spec": spec}, {"Idempotency-Key": str(uuid.uuid4())})
        await http.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(CLIENTS):
            group.create_task(client())


async def _submit_array(running: Stack, count: int, *, run: str) -> None:
    http = await HttpLoad.open(running.url, running.token)
    body = {"spec": document(task(run)), "count": count}
    await http.post("/v1/jobs", body, {"Idempotency-Key": str(uuid.uuid4())})
    await http.close()
