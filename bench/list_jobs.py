"""How often a second a page of jobs is given: 50 out of 10,000, to many clients at once."""

import asyncio
import json
import multiprocessing
import time
import uuid
from collections.abc import Iterator
from statistics import quantiles

from bench.figure import Figure, Target
from bench.following import following
from bench.http_load import HttpLoad
from bench.parts import cpu_ms_a, cpu_s
from bench.stacks import Stack, document, stack, task, warm

CLIENTS = 30
PAGE = 50
PATH = f"/v1/jobs?limit={PAGE}"


def list_jobs(*, quick: bool) -> Iterator[Figure]:
    jobs, seconds = (200, 2.0) if quick else (10_000, 10.0)
    with stack(slots=256, noop=True) as running:
        warm(running)
        asyncio.run(_fill(running, jobs))
        used = cpu_s(running.pid)
        # The load is a process of its own, as clients are.
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            took_s = pool.apply(_load_process, (running.url, running.token, seconds))
        cpu = cpu_ms_a(len(took_s), since=used, stack_pid=running.pid)
    cuts = quantiles(took_s, n=100)
    how = (
        f"GET {PATH} with {jobs} jobs there, by {CLIENTS} clients with kept connections in one process of "
        f"their own (asyncio streams that read answers and do not parse them, no wrk), for {seconds:.0f} s"
    )
    parts = {"p50_ms": 1e3 * cuts[49], "p99_ms": 1e3 * cuts[98], **cpu}
    yield Figure("list_jobs", len(took_s) / seconds, "requests/s", how, Target(">=", 1_000), parts)


async def _fill(running: Stack, jobs: int) -> None:
    """The jobs of an array, all of them over."""
    async with following(running.reader_url(), "evt.default.job.*") as events:
        http = await HttpLoad.open(running.url, running.token)
        body = {"spec": document(task("true")), "count": jobs}
        await http.post("/v1/jobs", body, {"Idempotency-Key": str(uuid.uuid4())})
        await events.until_ended(jobs)
        page = json.loads(await http.get(PATH))
        await http.close()
    if len(page["jobs"]) != PAGE:
        raise RuntimeError(f"a page has {len(page['jobs'])} jobs, not {PAGE}")


def _load_process(url: str, token: str, seconds: float) -> list[float]:
    """Seconds that each request took."""
    return asyncio.run(_load(url, token, seconds))


async def _load(url: str, token: str, seconds: float) -> list[float]:
    took: list[float] = []
    until = time.perf_counter() + seconds

    async def client() -> None:
        http = await HttpLoad.open(url, token)
        began = time.perf_counter()
        while began < until:
            await http.get(PATH)
            ended = time.perf_counter()
            took.append(ended - began)
            began = ended
        await http.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(CLIENTS):
            group.create_task(client())
    return took
