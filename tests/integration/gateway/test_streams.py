"""Logs and events as server-sent events."""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tests.integration.gateway.gateway_world import GatewayWorld, until
from tradewind.common.contracts.job import JobPhase


@asynccontextmanager
async def sse(
    world: GatewayWorld, path: str, *, last: int | None = None, **params: Any
) -> AsyncGenerator[AsyncGenerator[tuple[str, Any, int | None]]]:
    headers = {"Last-Event-ID": str(last)} if last is not None else {}
    async with world.http.stream("GET", path, params=params, headers=headers) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield _events(answer)


async def _events(answer: httpx.Response) -> AsyncGenerator[tuple[str, Any, int | None]]:
    fields: dict[str, str] = {}
    async for line in answer.aiter_lines():
        if line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            yield fields["event"], json.loads(fields["data"]), int(fields["id"]) if "id" in fields else None
            fields = {}


async def collect(world: GatewayWorld, path: str, **params: Any) -> list[tuple[str, Any, int | None]]:
    async with sse(world, path, **params) as events:
        return [event async for event in events]


def text(events: list[tuple[str, Any, int | None]]) -> str:
    return "".join(data["text"] for name, data, _ in events if name == "log")


async def job(world: GatewayWorld) -> str:
    told = await world.submit()
    await world.tell(told["id"], JobPhase.RUNNING, version=1)
    await world.shown(told["ref"], phase="running")
    return told["id"]


async def test_a_log_that_is_there(world: GatewayWorld) -> None:
    id = await job(world)
    await world.log(id, "one\ntwo\n", offset=0)
    await world.log(id, "two\nthr", offset=4)  # half of it came before
    await world.log(id, "one\n", offset=0)  # all of it did
    await world.log(id, b"ee \xc3", offset=11)
    await world.log(id, b"\xa9\n", offset=15)
    await world.log(id, "other\n", offset=0, rank=1)
    await world.log("another-job", "hush", offset=0)
    events = await collect(world, f"/v1/jobs/{id}/logs")
    assert events[-1][:2] == ("end", {"phase": "running", "exit_code": None})
    first = [data for name, data, _ in events if name == "log" and data["rank"] == 0]
    assert "".join(one["text"] for one in first) == "one\ntwo\nthree é\n"
    assert [one["offset"] for one in first] == [0, 8, 11, 14]
    assert first[0] == {"rank": 0, "node": "n1", "attempt": 1, "offset": 0, "text": "one\ntwo\n"}
    assert text(await collect(world, f"/v1/jobs/{id}/logs", rank=1)) == "other\n"
    assert text(await collect(world, f"/v1/jobs/{id}/logs", rank=2)) == ""


async def test_the_tail(world: GatewayWorld) -> None:
    id = await job(world)
    for number in range(300):
        line = f"line {number:04}\n"
        await world.log(id, line, offset=number * len(line))
    assert text(await collect(world, f"/v1/jobs/{id}/logs", tail=2)) == "line 0298\nline 0299\n"
    assert text(await collect(world, f"/v1/jobs/{id}/logs", tail=0)) == ""
    assert text(await collect(world, f"/v1/jobs/{id}/logs", tail=1000)).count("\n") == 300
    seen = await collect(world, f"/v1/jobs/{id}/logs")
    assert text(await collect(world, f"/v1/jobs/{id}/logs", last=seen[-4][2])) == "line 0298\nline 0299\n"


async def test_a_log_is_followed_to_the_end_of_the_job(world: GatewayWorld) -> None:
    id = await job(world)
    await world.log(id, "before\n", offset=0)
    async with sse(world, f"/v1/jobs/{id}/logs", follow=True) as events, asyncio.timeout(5):
        assert (await anext(events))[1]["text"] == "before\n"
        await world.log(id, "during\n", offset=7)
        assert (await anext(events))[1]["text"] == "during\n"
        await world.tell(id, JobPhase.QUEUED, version=2, attempt=2)
        await world.log(id, "again\n", offset=0, attempt=2)
        assert (await anext(events))[1] == {
            "rank": 0,
            "node": "n1",
            "attempt": 2,
            "offset": 0,
            "text": "again\n",
        }
        await world.log(id, "last words", offset=6, attempt=2)
        await world.tell(id, JobPhase.FAILED, version=3, attempt=2, exit_code=3)
        rest = [event async for event in events]
    assert text(rest) == "last words"
    assert rest[-1][:2] == ("end", {"phase": "failed", "exit_code": 3})


async def test_a_log_is_followed_over_a_loss_of_the_bus(world: GatewayWorld) -> None:
    id = await job(world)
    async with sse(world, f"/v1/jobs/{id}/logs", follow=True) as events, asyncio.timeout(20):
        await world.log(id, "before\n", offset=0)
        assert (await anext(events))[1]["text"] == "before\n"
        await world.nats.stop()
        await world.nats.start()
        await until(world.owner_is_up, what="the bus does not come back")
        await world.log(id, "after\n", offset=7)
        assert (await anext(events))[1]["text"] == "after\n"
        await world.tell(id, JobPhase.SUCCEEDED, version=3, exit_code=0)
        assert (await anext(events))[:2] == ("end", {"phase": "succeeded", "exit_code": 0})


async def test_a_reader_that_leaves_leaves_nothing(world: GatewayWorld) -> None:
    id = await job(world)
    for path in (f"/v1/jobs/{id}/logs", "/v1/events"):
        async with sse(world, path, follow=True) as events:
            if path != "/v1/events":
                await world.log(id, "x", offset=0)
                await anext(events)

    async def nothing_is_left() -> bool:
        left = [one.name for name in ("LOGS", "EVENTS") for one in await world.owner.js.consumers_info(name)]
        return left == ["gateway"]

    await until(nothing_is_left, what="a consumer is left behind")


async def test_a_slow_reader_holds_little(world: GatewayWorld) -> None:
    """Far more than sockets and the reader's own bounds hold: the rest stays in the stream."""
    id = await job(world)
    chunk = "x" * 60_000 + "\n"
    for number in range(400):  # 24 MB
        await world.log(id, chunk, offset=number * len(chunk))
    # Else the kernel would take all of it for us.
    narrow = httpx.AsyncHTTPTransport(socket_options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)])
    async with (
        httpx.AsyncClient(transport=narrow, base_url=world.http.base_url, headers=world.http.headers) as http,
        sse(replace(world, http=http), f"/v1/jobs/{id}/logs") as events,
    ):
        await anext(events)
        await asyncio.sleep(0.5)
        (consumer,) = await world.owner.js.consumers_info("LOGS")
        assert consumer.delivered is not None
        assert consumer.delivered.stream_seq < 300
        assert len([event async for event in events if event[0] == "log"]) == 399


async def test_events_of_a_job_from_its_submission_on(world: GatewayWorld) -> None:
    told = await world.submit()
    other = await world.submit()
    await world.tell(told["id"], JobPhase.QUEUED, version=1)
    await world.tell(other["id"], JobPhase.QUEUED, version=1)
    async with sse(world, "/v1/events", follow=True, job="1") as events, asyncio.timeout(5):
        name, event, first = await anext(events)
        assert (name, event["type"], event["subject"]) == ("job.queued", "tradewind.job.queued", told["id"])
        assert (event["specversion"], event["workspace"], event["source"]) == (
            "1.0", "default", "tradewind/jobs_controller",
        )  # fmt: skip
        assert event["data"]["job"]["phase"] == "queued"
        await world.tell(told["id"], JobPhase.RUNNING, version=2)
        await world.tell(told["id"], JobPhase.SUCCEEDED, version=3)
        assert [(await anext(events))[0] for _ in range(2)] == ["job.running", "job.succeeded"]
    assert first is not None
    rest = await collect(world, "/v1/events", last=first, job=told["id"])
    assert [name for name, _, _ in rest] == ["job.running", "job.succeeded"]
    assert len(await collect(world, "/v1/events")) == 4
    assert len(await collect(world, "/v1/events", type="job.queued")) == 2
    assert len(await collect(world, "/v1/events", type="node.*")) == 0
    assert len(await collect(world, "/v1/events", since=datetime.now(UTC).isoformat())) == 0
    assert len(await collect(world, "/v1/events", workspace="other")) == 0

    await world.shown(told["ref"], phase="succeeded")
    timeline = (await world.http.get(f"{told['ref']}/events")).json()["events"]
    assert [one["type"] for one in timeline] == [
        "tradewind.job.queued", "tradewind.job.running", "tradewind.job.succeeded",
    ]  # fmt: skip


async def test_only_new_events(world: GatewayWorld) -> None:
    told = await world.submit()
    await world.tell(told["id"], JobPhase.QUEUED, version=1)
    async with sse(world, "/v1/events", follow=True, type="job.*") as events, asyncio.timeout(5):
        await asyncio.sleep(0.2)
        await world.tell(told["id"], JobPhase.RUNNING, version=2)
        assert (await anext(events))[0] == "job.running"


async def test_a_stopping_gateway_ends_its_streams(
    world: GatewayWorld, caplog: pytest.LogCaptureFixture
) -> None:
    id = await job(world)
    async with sse(world, f"/v1/jobs/{id}/logs", follow=True) as events, asyncio.timeout(5):
        await world.log(id, "before\n", offset=0)
        assert (await anext(events))[1]["text"] == "before\n"
        world.running.cancel()
        assert [event async for event in events] == []  # not even `end`, so that the client comes again
    async with asyncio.timeout(3):
        await asyncio.gather(world.running, return_exceptions=True)
    assert [record for record in caplog.records if record.exc_info] == []
