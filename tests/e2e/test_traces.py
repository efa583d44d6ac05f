"""One trace tells a job from its submission to its start, across every service; what comes later is linked
to it.
"""

import threading
import time
from collections.abc import Generator
from concurrent import futures
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.e2e.stack import local_stack, task


@dataclass
class Receiver(TraceServiceServicer):
    """A real OTLP/gRPC endpoint that keeps what it is sent."""

    spans: list[tuple[str, Span]] = field(default_factory=list[tuple[str, Span]])
    lock: threading.Lock = field(default_factory=threading.Lock)

    def Export(
        self, request: ExportTraceServiceRequest, context: grpc.ServicerContext
    ) -> ExportTraceServiceResponse:
        with self.lock:
            for resource in request.resource_spans:
                names = [
                    one.value.string_value
                    for one in resource.resource.attributes
                    if one.key == "service.name"
                ]
                for scope in resource.scope_spans:
                    self.spans += [(names[0], span) for span in scope.spans]
        return ExportTraceServiceResponse()

    def of_trace(self, trace: bytes) -> list[tuple[str, Span]]:
        with self.lock:
            return [(service, span) for service, span in self.spans if span.trace_id == trace]


@pytest.fixture
def receiver() -> Generator[tuple[Receiver, int]]:
    received = Receiver()
    server = grpc.server(futures.ThreadPoolExecutor(2))
    add_TraceServiceServicer_to_server(received, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield received, port
    server.stop(grace=0)


def test_a_job_is_one_trace_from_submit_to_start(receiver: tuple[Receiver, int], tmp_path: Path) -> None:
    received, port = receiver
    with (
        local_stack(
            tmp_path / "home",
            OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}",
            OTEL_BSP_SCHEDULE_DELAY="100",
        ) as stack,
        stack.client() as tw,
    ):
        job = tw.submit(task("sleep 0.2"))
        assert job.wait(timeout=60).phase == "succeeded"
        deadline = time.monotonic() + 15
        root, seen, linked = None, set[str](), list[str]()
        wanted = {"gateway", "jobs_controller", "scheduler", "optimizer", "provisioner", "agent"}
        while time.monotonic() < deadline:
            root = _submission(received)
            seen = {service for service, _ in received.of_trace(root.trace_id)} if root else set[str]()
            linked = _linked(received, root.trace_id) if root else []
            if wanted <= seen and linked:
                break
            time.sleep(0.1)
        assert root is not None, "the submission itself has no span"
        assert wanted <= seen, f"only {sorted(seen)} are in the trace"
        told = {span.name for _, span in received.of_trace(root.trace_id)}
        assert {"take jobs_controller.submit", "take job.queued", "take allocation.granted"} <= told
        parents = {span.span_id for _, span in received.of_trace(root.trace_id)}
        orphans = [
            span.name
            for _, span in received.of_trace(root.trace_id)
            if span.parent_span_id and span.parent_span_id not in parents
        ]
        assert orphans == [], "every step names the step that led to it"
        assert any("said.rank" in name for name in linked), (
            f"the end is not linked to the beginning: {linked}"
        )


def _submission(received: Receiver) -> Span | None:
    with received.lock:
        posts = [
            span for service, span in received.spans if service == "gateway" and span.name == "POST /v1/jobs"
        ]
    return posts[0] if posts else None


def _linked(received: Receiver, trace: bytes) -> list[str]:
    with received.lock:
        return [
            span.name
            for _, span in received.spans
            if span.trace_id != trace and any(link.trace_id == trace for link in span.links)
        ]
