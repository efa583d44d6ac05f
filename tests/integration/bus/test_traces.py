"""One trace over HTTP, bus, input and commit, as a collector receives it from two services of one process."""

from collections.abc import Generator
from datetime import UTC, datetime

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.integration.bus.nats_world import NatsWorld
from tests.integration.contract.bus_contract import take
from tests.integration.contract.store_contract import Lamp
from tests.integration.db import conftest as db
from tests.unit.common.telemetry.otlp_receiver import OtlpReceiver, otlp_receiver
from tradewind.common.contracts.allocation import CloseClaim
from tradewind.common.contracts.envelope import Envelope, decode, encode
from tradewind.common.db.postgres_store import PostgresStore
from tradewind.common.reactor.ports import Batch
from tradewind.common.telemetry.database import trace_commits
from tradewind.common.telemetry.http import Message, Receive, Scope, Send, traced
from tradewind.common.telemetry.spans import ENDPOINT, current_traceparent, spans_of, tracer_of

postgres = db.postgres
database = db.database
database_template = db.database_template
engine = db.engine
store = db.store


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Generator[OtlpReceiver]:
    with otlp_receiver() as receiver:
        monkeypatch.setenv(ENDPOINT, receiver.endpoint)
        yield receiver
        tracer_of.cache_clear()


async def test_one_trace(
    world: NatsWorld, engine: AsyncEngine, store: PostgresStore, collector: OtlpReceiver
) -> None:
    await world.durable("COMMANDS", "scheduler", "cmd.scheduler.>")
    bus = await world.bus()
    trace_commits(engine, tracer_of("scheduler"))
    lease = await store.acquire(holder="me", ttl_s=10)

    async def gateway(scope: Scope, receive: Receive, send: Send) -> None:
        command = Envelope(
            id="1",
            message=CloseClaim(id="c1", workspace="default"),
            source="tradewind/gateway",
            time=datetime.now(UTC),
            correlation="c1",
            traceparent=current_traceparent(),
        )
        await bus.publish([encode(command)])
        await send({"type": "http.response.start", "status": 202})

    async def ignore(message: Message) -> None:
        pass

    async def nothing() -> Message:
        return {}

    app = traced(gateway, tracer_of("gateway"))
    await app({"type": "http", "method": "POST", "path": "/v1/down", "headers": []}, nothing, ignore)

    intake = await bus.intake(stream="COMMANDS", durable="scheduler")
    [delivery] = await take(intake, 1)
    spans = spans_of("scheduler")
    assert spans is not None
    span = spans.open(decode(delivery.packet))
    lamp = Lamp(id="a", workspace="default", version=1, wake_at=datetime.now(UTC))
    await store.commit(lease, Batch(created=[lamp]), ttl_s=10)
    span.end()
    await store.renew(lease, ttl_s=10)  # on nobody's behalf: no span
    for service in ("gateway", "scheduler"):
        tracer_of(service).close()

    request, taken, commit = (
        collector.named(name) for name in ("POST", "take scheduler.close_claim", "postgres")
    )
    assert len(collector.spans) == 3
    assert request.trace == taken.trace == commit.trace
    assert (request.parent, taken.parent, commit.parent) == ("", request.span, taken.span)
    assert [request.service, taken.service, commit.service] == ["gateway", "scheduler", "scheduler"]
