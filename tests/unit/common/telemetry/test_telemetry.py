"""Spans as a collector receives them; and nothing at all when there is none."""

import subprocess
import sys
from collections.abc import Generator
from datetime import UTC, datetime

import pytest

from tests.unit.common.telemetry.otlp_receiver import OtlpReceiver, otlp_receiver
from tradewind.common.contracts.allocation import CloseClaim
from tradewind.common.contracts.envelope import Envelope
from tradewind.common.telemetry.http import AsgiApp, Message, Receive, Scope, Send, traced
from tradewind.common.telemetry.spans import ENDPOINT, Off, current_traceparent, spans_of, tracer_of

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


@pytest.fixture(autouse=True)
def forgotten_tracers() -> Generator[None]:
    yield
    tracer_of.cache_clear()


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Generator[OtlpReceiver]:
    with otlp_receiver() as receiver:
        monkeypatch.setenv(ENDPOINT, receiver.endpoint)
        yield receiver


def an_input(*, traceparent: str = "", link: str = "") -> Envelope:
    return Envelope(
        id="1",
        message=CloseClaim(id="c1", workspace="default"),
        source="tradewind/gateway",
        time=datetime(2026, 1, 1, tzinfo=UTC),
        correlation="c1",
        traceparent=traceparent,
        link=link,
    )


def test_a_batch_is_a_span_an_input_within_its_trace(collector: OtlpReceiver) -> None:
    spans = spans_of("scheduler")
    assert spans is not None
    child = spans.open(an_input(traceparent=PARENT))
    root = spans.open(an_input(link=PARENT))
    for span in (child, root):
        span.end()
    tracer_of("scheduler").close()
    first, second = collector.spans
    assert child.traceparent.startswith(f"00-{first.trace}-{first.span}-")
    assert root.traceparent.startswith(f"00-{second.trace}-{second.span}-")
    assert {first.service, second.service} == {"scheduler"}
    assert (first.trace, first.parent, first.links) == (TRACE, "b7ad6b7169203331", ())
    assert second.trace != TRACE
    assert (second.parent, second.links) == ("", (TRACE,))
    assert second.name == "take scheduler.close_claim"
    assert second.attributes["tradewind.about"] == "c1"


def test_services_of_one_process_are_told_apart(collector: OtlpReceiver) -> None:
    with tracer_of("gateway").span_for("a") as outer:
        assert current_traceparent() == outer.traceparent
        with tracer_of("scheduler").span_for("b", traceparent=outer.traceparent):
            pass
    assert current_traceparent() == ""
    for service in ("gateway", "scheduler"):
        tracer_of(service).close()
    a, b = collector.named("a"), collector.named("b")
    assert (a.service, b.service) == ("gateway", "scheduler")
    assert (b.trace, b.parent) == (a.trace, a.span)


def test_a_fault_is_told(collector: OtlpReceiver) -> None:
    tracer = tracer_of("provisioner")
    with pytest.raises(ValueError, match="no room"), tracer.span_for("launch", traceparent="not one"):
        raise ValueError("no room")
    tracer.close()
    assert collector.named("launch").status == "ValueError: no room"


class Route:
    path = "/v1/jobs/{id}"


async def request(app: AsgiApp, *, path: str = "/v1/jobs/7", traceparent: str = "") -> list[Message]:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"traceparent", traceparent.encode())] if traceparent else []
    await app({"type": "http", "method": "GET", "path": path, "headers": headers}, receive, send)
    return sent


async def an_app(scope: Scope, receive: Receive, send: Send) -> None:
    scope["route"] = Route()
    await send({"type": "http.response.start", "status": 503})
    await send({"type": "http.response.body", "body": current_traceparent().encode()})


async def test_a_request_is_a_span_by_its_route(collector: OtlpReceiver) -> None:
    tracer = tracer_of("gateway")
    sent = await request(traced(an_app, tracer), traceparent=PARENT)
    tracer.close()
    span = collector.named("GET /v1/jobs/{id}")
    assert sent[1]["body"] == f"00-{TRACE}-{span.span}-01".encode()
    assert (span.trace, span.parent, span.status) == (TRACE, "b7ad6b7169203331", "status 503")
    assert span.attributes == {
        "http.request.method": "GET",
        "http.response.status_code": 503,
        "http.route": "/v1/jobs/{id}",
        "url.path": "/v1/jobs/7",
    }


async def test_off_the_app_is_itself_and_traces_pass_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENDPOINT, raising=False)
    tracer = tracer_of("gateway")
    assert isinstance(tracer, Off)
    assert spans_of("gateway") is None
    assert traced(an_app, tracer) is an_app
    with tracer.span_for("a", traceparent=PARENT) as span:
        assert span.traceparent == current_traceparent() == PARENT


def test_off_nothing_of_it_is_imported() -> None:
    code = (
        "import sys\n"
        "from tradewind.common.telemetry.spans import tracer_of\n"
        "import tradewind.common.telemetry.http\n"
        "tracer_of('gateway').span_for('a').end()\n"
        "print([name for name in sys.modules if 'opentelemetry' in name or 'grpc' in name])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env={}, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
