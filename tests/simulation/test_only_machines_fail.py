"""Where the control plane is whole and only machines come and go, more is promised (`promises.of_losses`)."""

from tradewind.simulator.faults import parse
from tradewind.simulator.search import search
from tradewind.simulator.setup import Setup

SEEDS = range(1, 25)
RATES = parse("reclaim=0.02,node_loss=0.002,skew=0.5,slow_boot,ghost,lagging_list")


def test_a_notice_is_heeded_and_a_lost_region_left() -> None:
    tally = search(SEEDS, Setup(1, rates=RATES), failures=3)
    assert [f"seed {run.seed}: {run.violation}" for run in tally.failed] == []
    assert tally.injected["reclaim"] > len(SEEDS) / 4
