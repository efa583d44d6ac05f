"""The revisions of the provisioner's Postgres schema (see `tradewind.common.db.revisions`)."""
