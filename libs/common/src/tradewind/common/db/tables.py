"""The one row shape of every aggregate, and the tables that every service has beside them.

A service has one Postgres schema, named as the service. `services/*/store.py` declares its tables with
these functions; its migrations create them; a test compares the two.
"""

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    event,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.schema import SchemaItem

INSTANT = DateTime(timezone=True)

ABORT = """
CREATE FUNCTION "{schema}".abort(code text, why text) RETURNS boolean LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION USING ERRCODE = code, MESSAGE = why; END $$
"""
"""SQL has no expression that raises an error, and a commit is one SQL statement (see `commit`)."""


def service_metadata(service: str) -> MetaData:
    """The schema of a service with all that the reactor needs in it; add its aggregates by
    `aggregate_table`.
    """
    metadata = MetaData(schema=service)
    Table(
        "outbox",
        metadata,
        Column("id", BigInteger, primary_key=True),
        Column("subject", Text, nullable=False),
        Column("headers", JSONB, nullable=False),
        Column("body", LargeBinary, nullable=False),
        Column("created_at", INSTANT, nullable=False, server_default=text("now()")),
        Column("stream", Text),
        Column("sequence", BigInteger),
        Column("sent_at", INSTANT),
        CheckConstraint(
            "num_nulls(stream, sequence, sent_at) IN (0, 3)", name="outbox_sent_wholly_or_not_at_all"
        ),
        # What is to be sent (NULL) and what is to be forgotten (old). Nothing else is looked for often.
        Index("outbox_sent_at", "sent_at", "id"),
    )
    Table(
        "intent",
        metadata,
        Column("id", Text, primary_key=True),
        Column("hand", Text, nullable=False),
        Column("target", Text, nullable=False),
        Column("payload", JSONB, nullable=False),
        Column("created_at", INSTANT, nullable=False, server_default=text("now()")),
        Column("attempts", Integer, nullable=False, server_default=text("0")),
        Column("begun_at", INSTANT),
    )
    Table(
        "lease",
        metadata,
        Column("shard", Integer, primary_key=True, autoincrement=False),
        Column("epoch", BigInteger, nullable=False),
        Column("holder", Text, nullable=False),
        Column("expires_at", INSTANT, nullable=False),
    )
    event.listen(metadata, "after_create", DDL(ABORT.format(schema=service).replace("%", "%%")))
    return metadata


def aggregate_table(kind: str, metadata: MetaData, *extra: SchemaItem) -> Table:
    """The table of one kind of aggregate.

    `state` is the whole aggregate as JSON; the other columns repeat what SQL needs of it. `extra` are
    generated columns, and the rules that SQL can hold: make them columns and not expressions of `state`, or
    each update of a row would write to their indexes as well (Postgres: heap-only tuples).
    """
    return Table(
        kind,
        metadata,
        Column("id", Text, primary_key=True),
        Column("workspace", Text, nullable=False),
        Column("phase", Text, nullable=False),
        Column("version", BigInteger, nullable=False),
        Column("terminal", Boolean, nullable=False),
        Column("wake_at", INSTANT),
        Column("parked", Text, nullable=False),
        Column("state", JSONB, nullable=False),
        Column("schema_v", Integer, nullable=False),
        CheckConstraint("terminal OR wake_at IS NOT NULL", name=f"{kind}_wakes_while_it_lives"),
        Index(f"{kind}_living", "id", postgresql_where=text("NOT terminal")),
        *extra,
        # Room in each page for the next version of its rows: 73 % of updates then touch no index, instead
        # of 14 %.
        postgresql_with={"fillfactor": 70},
    )
