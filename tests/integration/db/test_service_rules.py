"""The rules that the services' schemas hold."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime

import pytest

from tests.fixtures.servers import Database
from tradewind.common.contracts.allocation import ClaimPhase
from tradewind.common.contracts.values import Retention, Shape
from tradewind.common.db.engine import create_engine
from tradewind.common.db.postgres_store import PostgresStore
from tradewind.common.reactor.ports import Batch, Lease, StoreRefused
from tradewind.scheduler.domain.model import Claim
from tradewind.scheduler.wiring import wiring

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Scheduler:
    """Its store, led."""

    def __init__(self, store: PostgresStore, lease: Lease) -> None:
        self.store = store
        self.lease = lease

    async def commit(self, batch: Batch) -> None:
        await self.store.commit(self.lease, batch, ttl_s=30)


@pytest.fixture
async def scheduler(migrated: Database) -> AsyncGenerator[Scheduler]:
    engine = create_engine(migrated.url, service="scheduler", generic_plans=True)
    store = PostgresStore(engine, service="scheduler", kinds=wiring().kinds)
    yield Scheduler(store, await store.acquire(holder="test", ttl_s=30))
    await engine.dispose()


def claim(claim_id: str, *, name: str | None = "dev", workspace: str = "home") -> Claim:
    return Claim(
        id=claim_id,
        workspace=workspace,
        version=1,
        wake_at=NOW,
        phase=ClaimPhase.OPEN,
        shape=Shape(),
        count=1,
        retention=Retention.NAMED if name else Retention.JOB,
        name=name,
        demand_class="",
        opened_at=NOW,
    )


async def test_a_living_claim_has_its_name_to_itself(scheduler: Scheduler) -> None:
    first = claim("first")
    await scheduler.commit(Batch(created=[first, claim("elsewhere", workspace="other")]))
    with pytest.raises(StoreRefused, match="claim_one_a_name"):
        await scheduler.commit(Batch(created=[claim("second")]))
    assert sorted(row.id for row in await scheduler.store.living()) == ["elsewhere", "first"]


async def test_claims_without_a_name_are_many(scheduler: Scheduler) -> None:
    await scheduler.commit(Batch(created=[claim("a", name=None), claim("b", name=None)]))
    assert len(await scheduler.store.living()) == 2


async def test_a_name_passes_on_within_one_batch(scheduler: Scheduler) -> None:
    first = claim("first")
    await scheduler.commit(Batch(created=[first]))
    over = first.evolve(phase=ClaimPhase.CLOSED, wake_at=None)
    await scheduler.commit(Batch(updated=[(over, first.version)], created=[claim("second")]))
    assert await scheduler.store.living() == [claim("second")]


async def test_only_what_is_kept_has_a_name(scheduler: Scheduler) -> None:
    with pytest.raises(StoreRefused, match="claim_named_is_retained"):
        await scheduler.commit(Batch(created=[claim("a").but(retention=Retention.JOB)]))
