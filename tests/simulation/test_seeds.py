"""The control plane under faults: no promise is broken, whatever the seed."""

from tradewind.simulator.faults import ALL, KINDS, NONE
from tradewind.simulator.search import search
from tradewind.simulator.setup import Setup
from tradewind.simulator.world import simulate

SEEDS = range(1, 81)


def test_without_faults_every_promise_is_kept() -> None:
    tally = search(range(1, 9), Setup(1, rates=NONE), workers=1, failures=8)
    assert [(run.seed, str(run.violation)) for run in tally.failed] == []
    assert not tally.injected


def test_whatever_fails_every_promise_is_kept() -> None:
    tally = search(SEEDS, Setup(1), failures=3)
    print(f"{tally.runs} seeds in {tally.seconds:.1f} s, faults: {dict(sorted(tally.injected.items()))}")
    assert [f"./dev simulate --seed {run.seed}: {run.violation}" for run in tally.failed] == []
    idle = {kind for kind in KINDS if getattr(ALL, kind) and not tally.injected[kind]}
    assert idle == set(), "a fault that never strikes tests nothing"


def test_a_big_world_keeps_its_promises() -> None:
    run = simulate(Setup(1, jobs=80))
    assert run.violation is None
    assert run.jobs == 80
