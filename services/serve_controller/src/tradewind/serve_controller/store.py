"""The serve controller's Postgres schema."""

from tradewind.common.db.tables import service_metadata

METADATA = service_metadata("serve_controller")
