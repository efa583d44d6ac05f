"""The scheduler's Postgres schema, and the rules that it holds for the scheduler."""

from sqlalchemy import CheckConstraint, Column, Computed, Index, Text, text

from tradewind.common.db.tables import aggregate_table, service_metadata

METADATA = service_metadata("scheduler")

ALLOCATION = aggregate_table("allocation", METADATA)

CLAIM = aggregate_table(
    "claim",
    METADATA,
    Column("name", Text, Computed("state ->> 'name'", persisted=True)),
    Column("retention", Text, Computed("state ->> 'retention'", persisted=True)),
    CheckConstraint("name IS NULL OR retention = 'named'", name="claim_named_is_retained"),
    # Two that think they open the same named cluster would launch it twice.
    Index("claim_one_a_name", "workspace", "name", unique=True, postgresql_where=text("NOT terminal")),
)

CAPACITY = aggregate_table("capacity", METADATA)
