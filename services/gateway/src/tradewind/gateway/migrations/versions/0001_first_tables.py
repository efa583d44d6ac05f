"""What the gateway owns, and its copy of what others own."""

from alembic import op

from tradewind.common.db.shape_1 import create_service

revision = "0001"
down_revision = None
phase = "pre"

STATEMENTS = (
    "CREATE TABLE gateway.counter (workspace text PRIMARY KEY, last bigint NOT NULL)",
    """CREATE TABLE gateway.spec (
        ref text PRIMARY KEY,
        workspace text NOT NULL,
        body bytea NOT NULL,
        created_at timestamptz NOT NULL
    )""",
    """CREATE TABLE gateway.request (
        workspace text,
        key text,
        digest bytea NOT NULL,
        id text NOT NULL,
        kind text NOT NULL,
        created_at timestamptz NOT NULL,
        PRIMARY KEY (workspace, key)
    )""",
    "CREATE INDEX request_created_at ON gateway.request (created_at)",
    """CREATE TABLE gateway.submission (
        id text PRIMARY KEY,
        kind text NOT NULL,
        workspace text NOT NULL,
        number bigint NOT NULL,
        command text NOT NULL,
        traceparent text NOT NULL,
        cancelled text,
        created_at timestamptz NOT NULL,
        tries integer NOT NULL DEFAULT 0,
        due_at timestamptz NOT NULL
    )""",
    "CREATE INDEX submission_due_at ON gateway.submission (due_at)",
    """CREATE TABLE gateway.job (
        id text PRIMARY KEY,
        workspace text NOT NULL,
        number bigint NOT NULL,
        index integer NOT NULL,
        workflow text,
        phase text NOT NULL,
        name text NOT NULL,
        "user" text NOT NULL,
        cluster text,
        version bigint NOT NULL,
        view text NOT NULL,
        ranks text NOT NULL
    )""",
    "CREATE INDEX job_number ON gateway.job (workspace, number, index)",
    "CREATE INDEX job_phase ON gateway.job (workspace, phase, number, index)",
    "CREATE INDEX job_workflow ON gateway.job (workflow, phase) WHERE workflow IS NOT NULL",
    """CREATE TABLE gateway.level (
        noun text,
        id text,
        workspace text NOT NULL,
        phase text NOT NULL,
        name text,
        claim text,
        version bigint NOT NULL,
        body jsonb NOT NULL,
        observed_at timestamptz NOT NULL,
        PRIMARY KEY (noun, id)
    )""",
    "CREATE INDEX level_phase ON gateway.level (noun, workspace, phase)",
    "CREATE INDEX level_claim ON gateway.level (claim) WHERE claim IS NOT NULL",
    """CREATE INDEX level_number ON gateway.level (workspace, ((body ->> 'number')::bigint))
        WHERE noun = 'workflow'""",
    """CREATE TABLE gateway.event (
        id text PRIMARY KEY,
        sequence bigint NOT NULL,
        time timestamptz NOT NULL,
        type text NOT NULL,
        source text NOT NULL,
        workspace text NOT NULL,
        about text NOT NULL,
        correlation text NOT NULL,
        cause text NOT NULL,
        traceparent text NOT NULL,
        body text NOT NULL
    )""",
    "CREATE INDEX event_about ON gateway.event (about, sequence)",
    "CREATE INDEX event_correlation ON gateway.event (correlation, sequence)",
    "CREATE INDEX event_time ON gateway.event USING brin (time)",
)


def upgrade() -> None:
    create_service("gateway")
    for statement in STATEMENTS:
        op.execute(statement)
