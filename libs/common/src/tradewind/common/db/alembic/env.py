"""Run by Alembic for each service whose schema is brought up to date (see `upgrade`). The connection is the
caller's.
"""

from alembic import context

attributes = context.config.attributes
context.configure(
    connection=attributes["connection"],
    version_table=attributes["version_table"],
    version_table_schema=attributes["schema"],
    transaction_per_migration=True,  # what a failure leaves behind is a whole revision
)
with context.begin_transaction():
    context.run_migrations()
