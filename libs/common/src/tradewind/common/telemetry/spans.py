"""Spans as the services see them: opened with a W3C `traceparent`, handing on a `traceparent`.

They are handed on as text, since that is how they travel: a batch has many inputs, and each input a trace of
its own. Off, a span is nothing but the `traceparent` that it was given.
"""

import importlib
import logging
import os
from collections.abc import Mapping
from contextvars import ContextVar
from functools import cache
from types import TracebackType
from typing import Protocol, Self

from tradewind.common.contracts.envelope import Envelope

log = logging.getLogger(__name__)

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"

Attributes = Mapping[str, str | int | float | bool]

_current: ContextVar[str] = ContextVar("traceparent", default="")


def current_traceparent() -> str:
    """Of the request, hand or batch that this task works on; empty outside of one, or where it has none."""
    return _current.get()


class Span:
    """What is done for somebody, as long as it takes. Off: nothing but its parent's `traceparent`."""

    def __init__(self, traceparent: str) -> None:
        self.traceparent = traceparent
        """For what it leads to."""

    def note(self, attributes: Attributes) -> None: ...

    def rename(self, name: str) -> None: ...

    def fail(self, why: str) -> None: ...

    def end(self) -> None: ...

    def __enter__(self) -> Self:
        self._outer = _current.set(self.traceparent)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _current.reset(self._outer)
        if error is not None:
            self.fail(f"{type(error).__name__}: {error}")
        self.end()


class Tracer(Protocol):
    """Opens the spans of one service."""

    def span_for(
        self, name: str, *, traceparent: str = "", link: str = "", attributes: Attributes | None = None
    ) -> Span:
        """A child of `traceparent`, or the root of a new trace. `link` is a trace that it continues."""
        ...

    def close(self) -> None:
        """Send what is not sent yet."""
        ...


class Off:
    """The tracer of a process that nobody traces."""

    def span_for(
        self, name: str, *, traceparent: str = "", link: str = "", attributes: Attributes | None = None
    ) -> Span:
        return Span(traceparent)

    def close(self) -> None: ...


@cache
def tracer_of(service: str) -> Tracer:
    """One tracer a service, under its own `service.name`, also where several services share a process."""
    if not os.environ.get(ENDPOINT):
        return Off()
    try:
        # Only here, so that a process that nobody traces does not pay a quarter of a second and 30 MB for it.
        otlp = importlib.import_module("tradewind.common.telemetry.otlp")
    except ImportError as missing:
        log.warning(
            "%s is set, but there will be no traces: install tradewind-common[telemetry] (%s)",
            ENDPOINT,
            missing,
        )
        return Off()
    return otlp.OtlpTracer(service)


class _InputSpan(Span):
    """One of many that are open at once: the commit of a batch is shown in the trace of its last input."""

    def __init__(self, span: Span) -> None:
        super().__init__(span.traceparent)
        self._span = span
        _current.set(span.traceparent)

    def fail(self, why: str) -> None:
        self._span.fail(why)

    def end(self) -> None:
        self._span.end()
        _current.set("")


class InputSpans:
    """A span for each input of a leader's batch."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def open(self, envelope: Envelope) -> Span:
        message = envelope.message
        span = self._tracer.span_for(
            f"take {message.type_name.removeprefix('tradewind.')}",
            traceparent=envelope.traceparent,
            link=envelope.link,
            attributes={
                "messaging.system": "nats",
                "messaging.operation.type": "process",
                "messaging.message.id": envelope.id,
                "tradewind.about": message.about,
                "tradewind.correlation": envelope.correlation,
                "tradewind.source": envelope.source,
            },
        )
        return _InputSpan(span)


def spans_of(service: str) -> InputSpans | None:
    """For the leader of a service; None when nobody traces."""
    tracer = tracer_of(service)
    return None if isinstance(tracer, Off) else InputSpans(tracer)
