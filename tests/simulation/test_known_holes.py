"""Promises that are not kept yet: each test turns red on the day that its hole is closed."""

import pytest

from tradewind.simulator.faults import parse
from tradewind.simulator.search import search
from tradewind.simulator.setup import Setup


@pytest.mark.xfail(
    strict=True,
    reason="A leader sees that its stream lost its end by the stream's last sequence. Where another service "
    "has published since, that is as high as before, and what lay under it is not published again.",
)
def test_what_the_bus_lost_unread_is_said_again() -> None:
    rates = parse("bus_down=0.01,lost_end=1,delay,crash")
    tally = search(range(1, 31), Setup(1, rates=rates, holes=True))
    assert [str(run.violation) for run in tally.failed] == []
