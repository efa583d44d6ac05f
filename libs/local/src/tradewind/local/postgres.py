"""Postgres, embedded: one server a home, loopback only; a superuser for migrations, a role for services."""

import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import asyncpg

from tradewind.common.private_files import write_private
from tradewind.local import postgres_config
from tradewind.local.ports import LOOPBACK
from tradewind.local.postgres_files import SUPERUSER, identity_of, make_data, program
from tradewind.local.server import EmbeddedServer

SERVICE_ROLE = "tradewind"
DATABASE = "tradewind"

# Services may use what a migration made as superuser, in each database (all are copies of template1); not
# change it.
GRANTS = f"""
    ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO {SERVICE_ROLE};
    ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON TABLES TO {SERVICE_ROLE};
    ALTER DEFAULT PRIVILEGES GRANT USAGE, SELECT ON SEQUENCES TO {SERVICE_ROLE};
"""


class EmbeddedPostgres(EmbeddedServer):
    """The Postgres of a home. After `start` the service role and the database are there."""

    name = "postgres"
    # pg_ctl(1): SIGINT is the fast shutdown, SIGQUIT the immediate one, which leaves a replay to the next
    # start.
    stop_steps = ((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0))

    def url(self, database: str = DATABASE, *, user: str = SERVICE_ROLE) -> str:
        """`postgresql://USER:PASSWORD@127.0.0.1:PORT/DATABASE`; `user` is SERVICE_ROLE or SUPERUSER."""
        return f"postgresql://{user}:{quote(self._password(user))}@{LOOPBACK}:{self.port}/{database}"

    async def create_database(self, database: str, *, template: str = "template1") -> None:
        """Make a database, as a copy of `template`, to which nobody may be connected meanwhile."""
        async with self.connected() as connection:
            await connection.execute(f'CREATE DATABASE "{database}" TEMPLATE "{template}"')

    async def drop_database(self, database: str) -> None:
        """Drop it if it is there, whoever is connected."""
        async with self.connected() as connection:
            await connection.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    @asynccontextmanager
    async def connected(self, database: str = "postgres") -> AsyncGenerator[asyncpg.Connection]:
        """A connection of the superuser."""
        connection = await asyncpg.connect(self.url(database, user=SUPERUSER), ssl=False, timeout=5)
        try:
            yield connection
        finally:
            await connection.close()

    @property
    def _data(self) -> Path:
        return self.home.postgres / "data"

    def _password(self, user: str) -> str:
        return self.settings.password(f"postgres.{user}")

    async def _prepare(self) -> None:
        if not self._data.exists():
            await make_data(self._data, password=self._password(SUPERUSER), log=self.home.logs / "initdb.log")

    def _command(self) -> list[str]:
        config, hba = self.home.postgres / "postgresql.conf", self.home.postgres / "pg_hba.conf"
        write_private(hba, postgres_config.HBA)
        write_private(config, postgres_config.render(port=self.port, hba_file=hba))
        return [str(program("postgres")), "-D", self._mark(), "-c", f"config_file={config}"]

    def _identity(self) -> str:
        return identity_of(self._data)

    async def _is_ready(self) -> bool:
        try:
            async with self.connected() as connection:  # with a password that only ours knows
                complete = await connection.fetchval(
                    "SELECT true FROM pg_database WHERE datname = $1", DATABASE
                )
        except (OSError, asyncpg.CannotConnectNowError):
            return False
        if not complete:
            await self._complete()
        return True

    async def _complete(self) -> None:
        """Make role, grants and database: the database last, so that where it is, all of it is."""
        async with self.connected("template1") as connection:
            if not await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", SERVICE_ROLE):
                await connection.execute("SET log_min_error_statement = panic")  # no password in the log
                await connection.execute(
                    f"CREATE ROLE {SERVICE_ROLE} LOGIN PASSWORD '{self._password(SERVICE_ROLE)}'"
                )
            await connection.execute(GRANTS)
        await self.create_database(DATABASE)

    def _may_pass(self, said: str) -> bool:
        # After a kill -9 of the postmaster alone, its children leave by themselves within some 0.1 s.
        return "pre-existing shared memory block" in said

    def _pid_file(self) -> Path:
        return self._data / "postmaster.pid"

    def _mark(self) -> str:
        return str(self._data)
