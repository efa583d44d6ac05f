"""The jobs controller's Postgres schema."""

from tradewind.common.db.tables import aggregate_table, service_metadata

METADATA = service_metadata("jobs_controller")

JOB = aggregate_table("job", METADATA)
WORKFLOW = aggregate_table("workflow", METADATA)
