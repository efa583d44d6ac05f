"""The provisioner's Postgres schema."""

from tradewind.common.db.tables import aggregate_table, service_metadata

METADATA = service_metadata("provisioner")

INFRA = aggregate_table("infra", METADATA)
CLUSTER = aggregate_table("cluster", METADATA)
NODE = aggregate_table("node", METADATA)
