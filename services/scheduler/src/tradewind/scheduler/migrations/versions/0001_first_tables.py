"""The first tables of the scheduler."""

from alembic import op

from tradewind.common.db import shape_1

revision = "0001"
down_revision = None
phase = "pre"


def upgrade() -> None:
    shape_1.create_service("scheduler")
    shape_1.create_aggregate("scheduler", "allocation")
    shape_1.create_aggregate(
        "scheduler",
        "claim",
        "name text GENERATED ALWAYS AS (state ->> 'name') STORED",
        "retention text GENERATED ALWAYS AS (state ->> 'retention') STORED",
        "CONSTRAINT claim_named_is_retained CHECK (name IS NULL OR retention = 'named')",
    )
    op.execute("CREATE UNIQUE INDEX claim_one_a_name ON scheduler.claim (workspace, name) WHERE NOT terminal")
    shape_1.create_aggregate("scheduler", "capacity")
