"""The optimizer's Postgres schema."""

from tradewind.common.db.tables import aggregate_table, service_metadata

METADATA = service_metadata("optimizer")

PLACEMENT = aggregate_table("placement", METADATA)
MARKET = aggregate_table("market", METADATA)
