"""The shape of the tables as they were first made, for migrations alone.

Frozen: a database may have been made by it. A change of `tables` is a new revision of each service, in its
own words.
"""

from alembic import op

OUTBOX = """
CREATE TABLE {schema}.outbox (
    id bigserial PRIMARY KEY,
    subject text NOT NULL,
    headers jsonb NOT NULL,
    body bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    stream text,
    sequence bigint,
    sent_at timestamptz,
    CONSTRAINT outbox_sent_wholly_or_not_at_all CHECK (num_nulls(stream, sequence, sent_at) IN (0, 3))
)"""

INTENT = """
CREATE TABLE {schema}.intent (
    id text PRIMARY KEY,
    hand text NOT NULL,
    target text NOT NULL,
    payload jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    attempts integer NOT NULL DEFAULT 0,
    begun_at timestamptz
)"""

LEASE = """
CREATE TABLE {schema}.lease (
    shard integer PRIMARY KEY,
    epoch bigint NOT NULL,
    holder text NOT NULL,
    expires_at timestamptz NOT NULL
)"""

ABORT = """
CREATE FUNCTION {schema}.abort(code text, why text) RETURNS boolean LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION USING ERRCODE = code, MESSAGE = why; END $$"""

AGGREGATE = """
CREATE TABLE {schema}.{kind} (
    id text PRIMARY KEY,
    workspace text NOT NULL,
    phase text NOT NULL,
    version bigint NOT NULL,
    terminal boolean NOT NULL,
    wake_at timestamptz,
    parked text NOT NULL,
    state jsonb NOT NULL,
    schema_v integer NOT NULL,{extra}
    CONSTRAINT {kind}_wakes_while_it_lives CHECK (terminal OR wake_at IS NOT NULL)
) WITH (fillfactor = 70)"""


def create_service(schema: str) -> None:
    """What every service has beside its aggregates."""
    for statement in (OUTBOX, INTENT, LEASE, ABORT):
        op.execute(statement.format(schema=schema))
    op.execute(f"CREATE INDEX outbox_sent_at ON {schema}.outbox (sent_at, id)")


def create_aggregate(schema: str, kind: str, *extra: str) -> None:
    """The table of one kind; `extra` are columns and constraints in SQL."""
    op.execute(AGGREGATE.format(schema=schema, kind=kind, extra="".join(f"\n    {one}," for one in extra)))
    op.execute(f"CREATE INDEX {kind}_living ON {schema}.{kind} (id) WHERE NOT terminal")
