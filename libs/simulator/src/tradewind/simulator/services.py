"""The services under simulation: their own wirings, and what SQL holds for them, read from their schemas."""

from collections.abc import Hashable

from sqlalchemy import MetaData, Table

from tradewind.common.contracts.grant import Grant
from tradewind.common.reactor.aggregate import Aggregate
from tradewind.common.reactor.wiring import Wiring
from tradewind.jobs_controller import store as jobs_store
from tradewind.jobs_controller import wiring as jobs_wiring
from tradewind.optimizer import store as optimizer_store
from tradewind.optimizer import wiring as optimizer_wiring
from tradewind.optimizer.domain.plan import Broker
from tradewind.provisioner import store as provisioner_store
from tradewind.provisioner import wiring as provisioner_wiring
from tradewind.scheduler import store as scheduler_store
from tradewind.scheduler import wiring as scheduler_wiring
from tradewind.simulator.markets import HOSTS, INFRA, offers
from tradewind.simulator.memory_store import Unique

SCHEMAS = {
    "jobs_controller": jobs_store.METADATA,
    "scheduler": scheduler_store.METADATA,
    "optimizer": optimizer_store.METADATA,
    "provisioner": provisioner_store.METADATA,
}


def wirings() -> tuple[Wiring, ...]:
    """Made anew for each life of a service, as a process would."""
    return (
        jobs_wiring.wiring(_unsigned),
        scheduler_wiring.wiring(),
        optimizer_wiring.wiring(Broker(offers())),
        provisioner_wiring.wiring([INFRA, HOSTS]),
    )


def wiring_of(service: str) -> Wiring:
    return next(one for one in wirings() if one.service == service)


def uniques(service: str) -> dict[str, Unique]:
    """The unique indexes of a service's tables, as functions of a row."""
    return {
        table.name: _unique(table)
        for table in _tables(SCHEMAS[service])
        if any(one.unique for one in table.indexes)
    }


def _tables(metadata: MetaData) -> list[Table]:
    return list(metadata.tables.values())


def _unique(table: Table) -> Unique:
    [index] = [one for one in table.indexes if one.unique]
    condition = index.dialect_options["postgresql"]["where"]
    if str(condition) != "NOT terminal":
        raise NotImplementedError(f"{index.name}: the store in memory knows no index where {condition}")
    columns = [column.name for column in index.columns]

    def unique(row: Aggregate) -> Hashable | None:
        values = tuple(getattr(row, column) for column in columns)
        # Postgres: NULLs are distinct from each other.
        return None if row.terminal or None in values else values

    return unique


def _unsigned(grant: Grant) -> str:
    """Nobody fetches anything here; the claims are there to be seen."""
    return f"{grant.job}/{grant.attempt}/{grant.node}"
