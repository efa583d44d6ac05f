"""The contract of a store, kept by Postgres."""

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.integration.contract.store_contract import HANDS, KINDS, RULES, SERVICE, Rule
from tradewind.common.db.postgres_store import PostgresStore


class PostgresWorld:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    def store(self) -> PostgresStore:
        return PostgresStore(self._engine, service=SERVICE, kinds=KINDS, hands=HANDS)

    async def elapse(self, seconds: float) -> None:
        async with self._engine.begin() as connection:
            for table, moment in (("lease", "expires_at"), ("outbox", "sent_at")):
                await connection.execute(
                    text(
                        f"UPDATE {SERVICE}.{table} SET {moment} = {moment} - make_interval(secs => :seconds)"
                    ),
                    {"seconds": seconds},
                )


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
async def test_contract(engine: AsyncEngine, rule: Rule) -> None:
    await rule(PostgresWorld(engine))
