"""A database in which the service of the store's contract has its tables."""

from collections.abc import AsyncGenerator

import pytest
from sqlalchemy import MetaData, text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.fixtures.servers import Database, database, home, postgres
from tests.integration.contract.store_contract import HANDS, KINDS, SERVICE
from tradewind.common.db.engine import create_engine
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


@pytest.fixture
async def engine(database: Database) -> AsyncGenerator[AsyncEngine]:
    engine = create_engine(database.url, service=SERVICE, generic_plans=True)
    yield engine
    await engine.dispose()


@pytest.fixture
def store(engine: AsyncEngine) -> PostgresStore:
    return PostgresStore(engine, service=SERVICE, kinds=KINDS, hands=HANDS)
