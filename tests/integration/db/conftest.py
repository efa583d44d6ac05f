"""A database in which the service of the store's contract has its tables."""

import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable

import pytest
from sqlalchemy import MetaData, text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.fixtures.servers import Database, database, home, postgres
from tests.integration.contract.store_contract import HANDS, KINDS, SERVICE
from tradewind.common.db.engine import create_engine
from tradewind.common.db.migrate import migrate
from tradewind.common.db.postgres_store import PostgresStore
from tradewind.common.db.tables import aggregate_table, service_metadata
from tradewind.local.postgres import EmbeddedPostgres
from tradewind.local.postgres_files import SUPERUSER

__all__ = ["database", "home", "postgres"]  # fixtures, by name


async def create_all(url: str, *schemas: MetaData) -> None:
    engine = create_engine(url, service="tests")
    async with engine.begin() as connection:
        for metadata in schemas:
            await connection.execute(text(f"CREATE SCHEMA {metadata.schema}"))
            await connection.run_sync(metadata.create_all)
    await engine.dispose()


def contract_tables() -> MetaData:
    metadata = service_metadata(SERVICE)
    for kind in KINDS:
        aggregate_table(kind.kind, metadata)
    return metadata


@pytest.fixture(scope="session")
async def database_template(postgres: EmbeddedPostgres) -> str:
    name = "template_contract"
    await postgres.create_database(name)
    await create_all(postgres.url(name, user=SUPERUSER), contract_tables())
    return name


NewDatabase = Callable[..., Awaitable[Database]]
_numbers = itertools.count(1)


@pytest.fixture
async def new_database(postgres: EmbeddedPostgres) -> AsyncGenerator[NewDatabase]:
    """Makes databases, with nothing in them or as copies of `template`."""
    made: list[str] = []

    async def make(template: str = "template1") -> Database:
        name = f"other_{next(_numbers)}"
        await postgres.create_database(name, template=template)
        made.append(name)
        return Database(name, postgres.url(name), postgres.url(name, user=SUPERUSER))

    yield make
    for name in made:
        await postgres.drop_database(name)


@pytest.fixture
async def empty(new_database: NewDatabase) -> Database:
    return await new_database()


@pytest.fixture(scope="session")
async def migrated_template(postgres: EmbeddedPostgres) -> Database:
    """What the migrations make. To be read only."""
    name = "template_migrated"
    await postgres.create_database(name)
    await migrate(postgres.url(name, user=SUPERUSER))
    return Database(name, postgres.url(name), postgres.url(name, user=SUPERUSER))


@pytest.fixture
async def migrated(new_database: NewDatabase, migrated_template: Database) -> Database:
    """A database with the schemas of all services."""
    return await new_database(migrated_template.name)


@pytest.fixture
async def engine(database: Database) -> AsyncGenerator[AsyncEngine]:
    engine = create_engine(database.url, service=SERVICE, generic_plans=True)
    yield engine
    await engine.dispose()


@pytest.fixture
def store(engine: AsyncEngine) -> PostgresStore:
    return PostgresStore(engine, service=SERVICE, kinds=KINDS, hands=HANDS)
