"""The revisions of the serve controller's Postgres schema (see `tradewind.common.db.revisions`)."""
