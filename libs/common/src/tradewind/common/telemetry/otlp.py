"""The OpenTelemetry SDK behind `spans`: a provider a service, batched to the endpoint by OTLP over gRPC.

The exporter, the sampler and the batching read the standard OTEL_* variables themselves. No provider is made
global: each service of a process has its own.
"""

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_NAMESPACE, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from tradewind.common.telemetry.spans import Attributes, Span

_W3C = TraceContextTextMapPropagator()


class OtlpSpan(Span):
    """A span that is recorded, unless it was not sampled."""

    def __init__(self, span: trace.Span) -> None:
        carrier: dict[str, str] = {}
        _W3C.inject(carrier, trace.set_span_in_context(span))
        super().__init__(carrier.get("traceparent", ""))
        self._span = span

    def note(self, attributes: Attributes) -> None:
        self._span.set_attributes(attributes)

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def fail(self, why: str) -> None:
        self._span.set_status(trace.StatusCode.ERROR, why)

    def end(self) -> None:
        self._span.end()


class OtlpTracer:
    """Implements `spans.Tracer`."""

    def __init__(self, service: str) -> None:
        resource = Resource.create({SERVICE_NAME: service, SERVICE_NAMESPACE: "tradewind"})
        self._provider = TracerProvider(resource=resource)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("tradewind")

    def span_for(
        self, name: str, *, traceparent: str = "", link: str = "", attributes: Attributes | None = None
    ) -> Span:
        parent = _W3C.extract({"traceparent": traceparent}, trace.set_span_in_context(trace.INVALID_SPAN))
        linked = trace.get_current_span(_W3C.extract({"traceparent": link})).get_span_context()
        links = [trace.Link(linked)] if linked.is_valid else []
        return OtlpSpan(self._tracer.start_span(name, parent, attributes=attributes, links=links))

    def close(self) -> None:
        self._provider.shutdown()
