"""Traces by OpenTelemetry: on when OTEL_EXPORTER_OTLP_ENDPOINT is set, else nothing of it is even imported.

`spans` is what everything else uses; `otlp` is the SDK behind it. `http` and `database` put spans around
requests and commits.
"""
