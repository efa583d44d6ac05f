"""The revisions of the optimizer's Postgres schema (see `tradewind.common.db.revisions`)."""
