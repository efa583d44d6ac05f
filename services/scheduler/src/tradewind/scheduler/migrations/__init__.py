"""The revisions of the scheduler's Postgres schema (see `tradewind.common.db.revisions`)."""
