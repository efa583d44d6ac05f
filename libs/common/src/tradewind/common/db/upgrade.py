"""Runs Alembic. Imported only when there is work: it takes a quarter of a second."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from tradewind.common.db.revisions import VERSION_TABLE, VERSIONS

ENVIRONMENT = Path(__file__).with_name("alembic")


def upgrade(connection: Connection, *, service: str, folder: Path, target: str) -> None:
    """Bring the schema of `service` to the revision `target`, from the migrations in `folder`."""
    config = Config()
    config.set_main_option("script_location", str(ENVIRONMENT))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", str(folder / VERSIONS))
    config.attributes |= {"connection": connection, "schema": service, "version_table": VERSION_TABLE}
    command.upgrade(config, target)
