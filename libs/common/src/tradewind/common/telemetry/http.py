"""A span for each HTTP request, within the trace that its `traceparent` header names (W3C Trace Context).

Our own thirty lines of ASGI: opentelemetry-instrumentation-asgi keeps spans in OpenTelemetry's own context,
while ours are handed on as text.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from tradewind.common.telemetry.spans import Off, Tracer

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]


def traced(app: AsgiApp, tracer: Tracer) -> AsgiApp:
    """`app` with a span around each request; `current_traceparent()` within it. Off: `app` itself."""
    if isinstance(tracer, Off):
        return app

    async def with_span(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await app(scope, receive, send)
        method = str(scope["method"])
        headers: dict[bytes, bytes] = dict(scope["headers"])
        attributes = {"http.request.method": method, "url.path": str(scope["path"])}
        with tracer.span_for(
            method, traceparent=headers.get(b"traceparent", b"").decode("latin-1"), attributes=attributes
        ) as span:

            async def noting_status(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.note({"http.response.status_code": message["status"]})
                    if message["status"] >= 500:
                        span.fail(f"status {message['status']}")
                await send(message)

            try:
                await app(scope, receive, noting_status)
            finally:
                # The router puts the route there: paths hold ids, and would make a name each.
                if route := getattr(scope.get("route"), "path", ""):
                    span.rename(f"{method} {route}")
                    span.note({"http.route": route})
        return None

    return with_span
