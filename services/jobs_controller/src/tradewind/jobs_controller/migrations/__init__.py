"""The revisions of the jobs controller's Postgres schema (see `tradewind.common.db.revisions`)."""
