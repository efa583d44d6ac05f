"""A bus that loses the ends of its streams, again and again, while everybody goes on publishing."""

from tradewind.simulator.faults import parse
from tradewind.simulator.search import search
from tradewind.simulator.setup import Setup


def test_what_the_bus_lost_unread_is_said_again() -> None:
    rates = parse("bus_down=0.01,lost_end=1,delay,crash")
    tally = search(range(1, 31), Setup(1, rates=rates))
    assert [f"./dev simulate --seed {run.seed}: {run.violation}" for run in tally.failed] == []
    assert tally.injected["lost_end"] > 30
