"""Every kind of row that a service has is a table of its schema, and the other way round."""

import importlib

import pytest

from tradewind.common.db.tables import service_metadata
from tradewind.common.reactor.wiring import Wiring
from tradewind.local.wirings import wirings

BESIDE = {table.name for table in service_metadata("any").tables.values()}


@pytest.mark.parametrize("wiring", wirings(), ids=lambda wiring: wiring.service)
def test_kinds_are_tables(wiring: Wiring) -> None:
    metadata = importlib.import_module(f"tradewind.{wiring.service}.store").METADATA
    assert metadata.schema == wiring.service
    assert {table.name for table in metadata.tables.values()} - BESIDE == {kind.kind for kind in wiring.kinds}
