"""The gateway's Postgres schema: what it owns (specs, numbers, submissions), a copy of what others own."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from tradewind.common.db.tables import INSTANT, service_metadata

SCHEMA = "gateway"
METADATA = service_metadata(SCHEMA)

COUNTER = Table(
    "counter",
    METADATA,
    Column("workspace", Text, primary_key=True),
    Column("last", BigInteger, nullable=False),
)
"""The last number given to a job or array."""

SPEC = Table(
    "spec",
    METADATA,
    Column("ref", Text, primary_key=True),
    Column("workspace", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created_at", INSTANT, nullable=False),
)

REQUEST = Table(
    "request",
    METADATA,
    Column("workspace", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("created_at", INSTANT, nullable=False),
    Index("request_created_at", "created_at"),
)
"""Idempotency keys, and what they led to."""

SUBMISSION = Table(
    "submission",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("workspace", Text, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("command", Text, nullable=False),
    Column("traceparent", Text, nullable=False),
    Column("cancelled", Text),
    Column("created_at", INSTANT, nullable=False),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("due_at", INSTANT, nullable=False),
    Index("submission_due_at", "due_at"),
)
"""Submissions that their owner has not yet confirmed by an event. `cancelled` is the reason, if somebody
cancelled.
"""

JOB = Table(
    "job",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("workspace", Text, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("index", Integer, nullable=False),
    Column("workflow", Text),
    Column("phase", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("user", Text, nullable=False),
    Column("cluster", Text),
    Column("version", BigInteger, nullable=False),
    Column("view", Text, nullable=False),
    Column("ranks", Text, nullable=False),
    Index("job_number", "workspace", "number", "index"),
    Index("job_phase", "workspace", "phase", "number", "index"),
    Index("job_workflow", "workflow", "phase", postgresql_where=text("workflow IS NOT NULL")),
)
"""`view` is the JobItem as the JSON text that is sent. `index` is -1 outside an array, so that it sorts."""

LEVEL = Table(
    "level",
    METADATA,
    Column("noun", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("workspace", Text, nullable=False),
    Column("phase", Text, nullable=False),
    Column("name", Text),
    Column("claim", Text),
    Column("version", BigInteger, nullable=False),
    Column("body", JSONB, nullable=False),
    Column("observed_at", INSTANT, nullable=False),
    Index("level_phase", "noun", "workspace", "phase"),
    Index("level_claim", "claim", postgresql_where=text("claim IS NOT NULL")),
    Index(
        "level_number",
        "workspace",
        text("((body ->> 'number')::bigint)"),
        postgresql_where=text("noun = 'workflow'"),
    ),
)
"""The last level heard of each other thing."""

EVENT = Table(
    "event",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("time", INSTANT, nullable=False),
    Column("type", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("workspace", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("correlation", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("traceparent", Text, nullable=False),
    Column("body", Text, nullable=False),
    Index("event_about", "about", "sequence"),
    Index("event_correlation", "correlation", "sequence"),
    Index("event_time", "time", postgresql_using="brin"),
)
"""Every event, for as long as `pruning` keeps it."""
