"""From before the POST to the first line of the task, one job after another on a warm node."""

import asyncio
import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles

from bench.figure import Figure, Target
from bench.following import Following, following
from bench.http_load import HttpLoad
from bench.parts import cpu_ms_a, cpu_s
from bench.stacks import Stack, document, stack, task, warm

STEPS = ("job.queued", "allocation.granted", "job.starting")
"""What is decided on the way, in order, each by another service than the one before."""


def submit_to_start(*, quick: bool) -> Iterator[Figure]:
    count = 20 if quick else 300
    with stack(slots=4) as running:
        warm(running)
        used = cpu_s(running.pid)
        lives = asyncio.run(_lives(running, count))
        cpu = cpu_ms_a(count, since=used, stack_pid=running.pid)
    took_ms = [1e3 * life["process"] for life in lives]
    cuts = quantiles(took_ms, n=100, method="inclusive")
    how = (
        f"{count} jobs of one rank, one after another, on one warm node of 4 slots; the clock runs from "
        "before the POST to $EPOCHREALTIME as the first command of the task reads it"
    )
    parts = {f"{name}_p50_ms": 1e3 * median(life[name] for life in lives) for name in lives[0]} | cpu
    yield Figure("submit_to_start_p50", cuts[49], "ms", how, Target("<=", 20), parts)
    yield Figure("submit_to_start_p99", cuts[98], "ms", how, Target("<=", 100), {"max_ms": max(took_ms)})


async def _lives(running: Stack, count: int) -> list[dict[str, float]]:
    """Seconds after the POST began until each thing had happened, a job."""
    folder = running.home.parent / "started"
    folder.mkdir()
    spec = document(task(f'echo "$EPOCHREALTIME" >{folder}/$TRADEWIND_JOB_ID'))
    async with following(running.reader_url()) as events:
        http = await HttpLoad.open(running.url, running.token)
        try:
            return [await _life(http, spec, folder=folder, events=events) for _ in range(count)]
        finally:
            await http.close()


async def _life(http: HttpLoad, spec: object, *, folder: Path, events: Following) -> dict[str, float]:
    began = time.time()
    answer = await http.post("/v1/jobs", {"spec": spec}, {"Idempotency-Key": str(uuid.uuid4())})
    accepted = time.time()
    job = json.loads(answer)["id"]
    await events.until_job_ended(job)  # the next one finds a node at rest
    told = events.times(job)
    started = float((folder / job).read_text())
    decided = {f"{name} decided": told[name].at - began for name in STEPS}
    heard = {f"{name} heard": told[name].heard_at - began for name in STEPS}
    await asyncio.sleep(0.02)
    return {
        "answered": accepted - began,
        **{
            name: time_s for pair in zip(decided.items(), heard.items(), strict=True) for name, time_s in pair
        },
        "process": started - began,
        "job.running decided": told["job.running"].at - began,
        "job.succeeded decided": told["job.succeeded"].at - began,
        "job.succeeded heard": told["job.succeeded"].heard_at - began,
    }
