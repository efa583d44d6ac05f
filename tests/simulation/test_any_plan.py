"""Whatever is asked for and whatever fails: Hypothesis draws workloads and fault plans, the same ones each
time (so that a red run is red again), as many as fit into the time of the suite.
"""

from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from tradewind.common.contracts.job import JobSummary, OnLoss, RoleSummary
from tradewind.common.contracts.values import Recovery, Shape
from tradewind.common.reactor.decision import derived_id
from tradewind.simulator import cases
from tradewind.simulator.cases import Case
from tradewind.simulator.faults import ALL, KINDS, NONE, Rates
from tradewind.simulator.machine import Script
from tradewind.simulator.setup import Setup
from tradewind.simulator.workload import Ask
from tradewind.simulator.world import simulate

EXAMPLES = 40
STRIKES = tuple(kind for kind in KINDS if getattr(ALL, kind))

shapes = st.builds(
    Shape,
    cpus=st.sampled_from([0.5, 1.0, 4.0, 8.0]),
    memory_gib=st.sampled_from([0.0, 4.0]),
    accelerator=st.none(),
    infra=st.sampled_from([None, None, "scripted", "scripted/east", "*/west/west-a"]),
    use_spot=st.booleans(),
)
roles = st.builds(
    RoleSummary,
    name=st.just("main"),
    count=st.integers(1, 4),
    shape=shapes,
    on_loss=st.sampled_from(OnLoss),
)
summaries = st.builds(
    JobSummary,
    name=st.just("any"),
    roles=st.tuples(roles),
    priority=st.integers(-2, 2),
    max_restarts=st.integers(0, 2),
    cluster=st.none(),
    recovery=st.sampled_from(Recovery),
    race=st.integers(1, 3),
)
scripts = st.builds(
    Script,
    fetch_s=st.sampled_from([0.0, 3.0]),
    setup_s=st.sampled_from([0.0, 1.0, 20.0]),
    run_s=st.sampled_from([0.0, 5.0, 60.0, 300.0]),
    setup_code=st.sampled_from([0, 0, 0, 3]),
    run_code=st.sampled_from([0, 0, 0, 1]),
    fails_first=st.integers(0, 2),
    ignores_term=st.booleans(),
    saves_in_s=st.sampled_from([0.0, 10.0]),
)
moments = st.floats(0.1, 240.0).map(lambda seconds: round(seconds, 3))


@st.composite
def asks(draw: st.DrawFn) -> tuple[Ask, ...]:
    drawn: list[Ask] = []
    for number in range(1, draw(st.integers(1, 4)) + 1):
        at_s = draw(moments)
        one = Ask(
            id=derived_id("any", number),
            number=number,
            at_s=at_s,
            summary=draw(summaries),
            script=draw(scripts),
            count=draw(st.none() | st.integers(1, 6)),
            cancel_at_s=at_s + draw(moments) if draw(st.booleans()) else None,
        )
        drawn.append(one)
    return tuple(drawn)


@st.composite
def rates(draw: st.DrawFn) -> Rates:
    kinds = draw(st.sets(st.sampled_from(STRIKES), max_size=6))
    often = draw(st.sampled_from([1.0, 3.0, 10.0]))
    return NONE.but({kind: min(getattr(ALL, kind) * often, 0.5) for kind in sorted(kinds)})


@given(seed=st.integers(1, 10**6), load=asks(), plan=rates(), ends_s=st.sampled_from([60.0, 300.0, 600.0]))
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_whatever_is_asked_for_and_fails(
    seed: int, load: tuple[Ask, ...], plan: Rates, ends_s: float
) -> None:
    setup = Setup(seed, rates=plan, swarm=False, load=load, faults_end_s=ends_s)
    run = simulate(setup)
    if run.violation is not None:
        note(f"keep this as tests/simulation/cases/NAME.json:\n{_told(setup, run.violation.promise)}")
    assert str(run.violation or "") == ""


def _told(setup: Setup, promise: str) -> str:
    return cases.to_json(Case("NAME", "what was wrong", promise, setup))
