"""Spans of what is done for ranks, in the trace in which their want came. Off, they cost nothing."""

from tradewind.agent.domain.model import Ended, Fact, Fetch, Setup, Start
from tradewind.common.contracts.values import Fence
from tradewind.common.telemetry.spans import Span, Tracer


class RankSpans:
    """A rank has one thing at work at a time, so one span open."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._open: dict[Fence, Span] = {}

    def begin(self, action: Fetch | Setup | Start, *, trace: str) -> None:
        """Until the fact that answers it."""
        self._open[action.fence] = self._tracer.span_for(
            f"{type(action).__name__.lower()} rank",
            traceparent=trace,
            attributes={"tradewind.fence": str(action.fence)},
        )

    def end(self, fact: Fact) -> None:
        span = self._open.pop(fact.fence, None)
        if span is None:
            return
        if isinstance(fact, Ended):
            span.fail(f"{fact.reason}: exit code {fact.code}")
        span.end()
