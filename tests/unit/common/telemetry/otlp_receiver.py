"""A real OTLP/gRPC receiver on loopback that remembers the spans that it was sent."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc


@dataclass(frozen=True, slots=True)
class ReceivedSpan:
    """Ids in hex, as in a `traceparent`; `links` are ids of traces."""

    service: str
    name: str
    trace: str
    span: str
    parent: str
    links: tuple[str, ...]
    attributes: dict[str, object]
    status: str


@dataclass
class OtlpReceiver(trace_service_pb2_grpc.TraceServiceServicer):
    endpoint: str = ""
    spans: list[ReceivedSpan] = field(default_factory=list[ReceivedSpan])

    def Export(self, request: trace_service_pb2.ExportTraceServiceRequest, context: grpc.ServicerContext):
        for of_service in request.resource_spans:
            resource = {one.key: one.value.string_value for one in of_service.resource.attributes}
            for scope in of_service.scope_spans:
                for span in scope.spans:
                    self.spans.append(
                        ReceivedSpan(
                            service=resource["service.name"],
                            name=span.name,
                            trace=span.trace_id.hex(),
                            span=span.span_id.hex(),
                            parent=span.parent_span_id.hex(),
                            links=tuple(link.trace_id.hex() for link in span.links),
                            attributes={
                                one.key: getattr(one.value, str(one.value.WhichOneof("value")))
                                for one in span.attributes
                            },
                            status=span.status.message,
                        )
                    )
        return trace_service_pb2.ExportTraceServiceResponse()

    def named(self, name: str) -> ReceivedSpan:
        [span] = [span for span in self.spans if span.name == name]
        return span


@contextmanager
def otlp_receiver() -> Generator[OtlpReceiver]:
    server = grpc.server(ThreadPoolExecutor(max_workers=4))
    receiver = OtlpReceiver()
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(receiver, server)
    receiver.endpoint = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield receiver
    finally:
        server.stop(grace=None).wait()
