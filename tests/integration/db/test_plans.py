"""The commit finds its rows by their ids, even as planned on the first day, when all tables are empty."""

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.integration.contract.store_contract import KINDS, SERVICE
from tradewind.common.db.commit import Commit
from tradewind.common.db.engine import driver_connection


@pytest.mark.parametrize("analysed", [False, True])
async def test_a_commit_scans_no_table(engine: AsyncEngine, analysed: bool) -> None:
    sql = Commit(SERVICE, KINDS).sql
    async with driver_connection(engine) as connection:
        if analysed:
            await connection.execute(
                f"INSERT INTO {SERVICE}.lease VALUES (0, 1, '', now()); ANALYZE {SERVICE}.lease"
            )
        await connection.execute(f"PREPARE commit_batch AS {sql}")
        nothing = ", ".join(["NULL"] * sql.count("$"))
        lines = [row[0] for row in await connection.fetch(f"EXPLAIN EXECUTE commit_batch ({nothing})")]
    assert [line for line in lines if "Index Scan" in line]
    assert [line for line in lines if "Seq Scan" in line] == []
