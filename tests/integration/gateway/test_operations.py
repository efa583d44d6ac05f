"""What the read model does with garbage and restarts, and what is told of the control plane."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from tests.integration.gateway.gateway_world import GatewayWorld, job_level, until
from tradewind.common.contracts.job import JobPhase, JobQueued
from tradewind.gateway.app import Gateway


async def test_garbage_is_set_aside_and_stops_nothing(world: GatewayWorld) -> None:
    told = await world.submit()
    nul = JobQueued.of(job_level("with\0nul", JobPhase.QUEUED, version=1))
    huge = JobQueued.of(job_level("huge", JobPhase.QUEUED, version=2**70))
    for body in (b"", b"{", b"\xff\xfe"):
        await world.owner.js.publish("evt.default.job.queued", body)
        await world.owner.js.publish(
            "evt.default.job.queued",
            body,
            headers={"ce-id": "x", "ce-type": "tradewind.job.queued", "ce-time": "2026-01-01T00:00:00+00:00"},
        )
    await world.say(nul, JobQueued.of(job_level("fine", JobPhase.QUEUED, version=1, number=7)), huge)
    await world.tell(told["id"], JobPhase.RUNNING, version=1)
    await world.shown(told["ref"], phase="running")
    assert (await world.http.get("/v1/jobs/fine")).json()["number"] == 7
    letters = await world.letters(8)
    assert len(letters) == 8
    assert {one["service"] for one in letters} == {"gateway"}
    assert any("ce-type" in one["why"] for one in letters)
    assert len((await world.http.get("/v1/dead-letters?limit=3")).json()["letters"]) == 3
    events = (await world.http.get("/v1/events")).text  # the stream still has them; they are no events
    assert events.count("event: job.queued") == 3


async def test_progress(world: GatewayWorld) -> None:
    await world.submit()
    told = (await world.http.get("/v1/status")).json()
    of = {(one["service"], one["stream"]): one for one in told["services"]}
    assert of["gateway", "EVENTS"]["ok"]
    assert (of["jobs_controller", "COMMANDS"]["pending"], of["jobs_controller", "COMMANDS"]["ok"]) == (
        1,
        False,
    )
    assert of["scheduler", "COMMANDS"]["ok"]


async def test_redrive(world: GatewayWorld) -> None:
    await world.owner.js.publish("evt.default.job.queued", b"{")
    (letter,) = await world.letters(1)
    assert (letter["body"], letter["subject"]) == ("{", "evt.default.job.queued")
    answer = await world.http.post(f"/v1/dead-letters/{letter['seq']}/redrive")
    assert (answer.status_code, answer.json()) == (202, {"seq": letter["seq"], "subject": letter["subject"]})
    events = await world.owner.js.stream_info("EVENTS")
    assert events.state.messages == 2

    async def it_is_set_aside_again() -> bool:
        return [one["seq"] for one in await world.letters(1)] == [letter["seq"] + 1]

    await until(it_is_set_aside_again, what="it did not come back")
    gone = await world.http.post(f"/v1/dead-letters/{letter['seq']}/redrive")
    assert gone.status_code == 404


async def test_a_second_gateway_stands_by_and_takes_over(world: GatewayWorld) -> None:
    told = await world.submit()
    settings = world.settings
    other = Gateway(replace(settings, service=replace(settings.service, instance="other")))
    running = asyncio.create_task(other.run())
    await until(ready(other), what="it does not stand by")
    await world.tell(told["id"], JobPhase.QUEUED, version=1)
    await world.shown(told["ref"], phase="queued")
    assert other._parts is not None
    assert not other._parts.projector._reading
    world.running.cancel()
    await asyncio.gather(world.running, return_exceptions=True)
    await world.tell(told["id"], JobPhase.RUNNING, version=2)
    world.http.base_url = f"http://127.0.0.1:{other.port}"
    await world.shown(told["ref"], phase="running")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_the_store_and_the_bus_come_back(world: GatewayWorld) -> None:
    told = await world.submit()
    await world.nats.stop()

    async def health_is(status: int) -> bool:
        return (await world.http.get("/v1/health")).status_code == status

    await until(lambda: health_is(503), what="the loss of the bus is not noticed")
    away = await world.http.post("/v1/jobs", json={"spec": {"name": "n", "roles": [{"run": "x"}]}})
    assert (away.status_code, away.headers["retry-after"]) == (503, "1")
    assert (await world.http.get(told["ref"])).json()["phase"] == "submitted"
    await world.nats.start()
    await until(world.owner_is_up, what="the bus does not come back")
    await world.tell(told["id"], JobPhase.RUNNING, version=1)
    await world.shown(told["ref"], phase="running")
    await until(lambda: health_is(200), what="it is not ready again")


def ready(gateway: Gateway) -> Callable[[], Awaitable[bool]]:
    async def is_ready() -> bool:
        return gateway.ready()

    return is_ready
