"""A service's role may use its own schema, and nothing else."""

import asyncpg
import pytest
from sqlalchemy import make_url

from tests.fixtures.servers import Database
from tradewind.common.db.engine import create_engine
from tradewind.common.db.grants import role_of
from tradewind.common.db.migrate import migrate, require_current
from tradewind.common.db.postgres_store import PostgresStore
from tradewind.scheduler.domain.model import Claim

FORBIDDEN = [
    "SELECT * FROM jobs_controller.job",
    "SELECT nextval('jobs_controller.outbox_id_seq')",
    "ALTER TABLE scheduler.claim ADD COLUMN colour text",
    "DROP TABLE scheduler.claim",
    "CREATE TABLE scheduler.mine (id integer)",
    "UPDATE scheduler.schema_version SET version_num = '0000'",
]


@pytest.fixture
async def as_scheduler(migrated: Database) -> str:
    owner = await asyncpg.connect(migrated.owner_url)
    role = role_of("scheduler")
    if not await owner.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role):
        await owner.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'only-for-this-test'")
    await owner.close()
    await migrate(migrated.owner_url)
    url = make_url(migrated.owner_url).set(username=role, password="only-for-this-test")
    return url.render_as_string(hide_password=False)


async def test_a_service_can_work_in_its_schema(as_scheduler: str) -> None:
    engine = create_engine(as_scheduler, service="scheduler", generic_plans=True)
    await require_current(engine, "scheduler")
    store = PostgresStore(engine, service="scheduler", kinds=(Claim,))
    lease = await store.acquire(holder="test", ttl_s=30)
    await store.renew(lease, ttl_s=30)
    assert await store.living() == []
    await engine.dispose()


@pytest.mark.parametrize("statement", FORBIDDEN)
async def test_and_nowhere_else(as_scheduler: str, statement: str) -> None:
    connection = await asyncpg.connect(as_scheduler)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute(statement)
    await connection.close()
