"""Whatever is lost, noticed, said, missed or asked for, in whatever order: nothing is started twice, nothing
is given twice, and everything ends.
"""

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.unit.recovery.plane import START, Plane, offer
from tradewind.common.contracts.allocation import AllocationPhase
from tradewind.common.contracts.job import CancelJob, JobSummary, OnLoss, RoleSummary, SubmitJob
from tradewind.common.contracts.values import Recovery, Shape
from tradewind.scheduler.domain.ledger import HOLDS

ROLE = st.builds(
    RoleSummary,
    name=st.just("worker"),
    count=st.integers(1, 3),
    shape=st.sampled_from([Shape(cpus=1), Shape(cpus=3)]),
    on_loss=st.sampled_from([OnLoss.RANK, OnLoss.RANK, OnLoss.GANG]),
    required=st.booleans(),
)
SUMMARY = st.builds(
    lambda workers, recovery, restarts, alone: JobSummary(
        name="train",
        roles=(workers.but(required=True),)
        if alone
        else (RoleSummary(name="launcher", count=1, shape=Shape(cpus=1)), workers),
        recovery=recovery,
        max_restarts=restarts,
    ),
    ROLE,
    st.sampled_from(Recovery),
    st.integers(0, 1),
    st.booleans(),
)
SERVICES = st.sampled_from(["jobs_controller", "scheduler", "optimizer"])
JOBS = 2


class Recovering(RuleBasedStateMachine):
    """The plane raises UnsafeStart by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.plane = Plane(offer("east", 1.0), offer("west", 2.0))

    @initialize(
        summaries=st.lists(SUMMARY, min_size=1, max_size=JOBS), under_way=st.sampled_from([True, True, False])
    )
    def submit(self, summaries: list[JobSummary], under_way: bool) -> None:
        for number, summary in enumerate(summaries):
            self.plane.say(
                SubmitJob(
                    id=f"j{number}",
                    workspace="w",
                    number=number,
                    user="u",
                    summary=summary,
                    spec_ref="s",
                    submitted_at=START,
                )
            )
        for _ in range(3 if under_way else 0):
            self.plane.settle()
            self.plane.launch()

    @property
    def nodes(self) -> list[str]:
        """Those that are there; first those on which something runs."""
        up = [machine for machine in self.plane.machines.values() if machine.up]
        return [one.level.id for one in sorted(up, key=lambda one: not one.alive)]

    def _node(self, which: int) -> str:
        return self.nodes[which % len(self.nodes)]

    def _has_nodes(self) -> bool:
        return bool(self.nodes)

    @rule(service=SERVICES, count=st.integers(1, 6))
    def read(self, service: str, count: int) -> None:
        self.plane.read(service, count)

    @rule(service=SERVICES)
    def lose_a_message(self, service: str) -> None:
        self.plane.lose(service)

    @rule(nodes_come=st.booleans())
    def all_go_on(self, nodes_come: bool) -> None:
        self.plane.settle()
        if nodes_come:
            self.plane.launch()
            self.plane.settle()

    @precondition(_has_nodes)
    @rule(which=st.integers(0, 5), hears=st.booleans())
    def an_agent_acts(self, which: int, hears: bool) -> None:
        if hears:
            self.plane.hear(self._node(which))
        self.plane.go_on(self._node(which))

    @precondition(_has_nodes)
    @rule(which=st.integers(0, 5))
    def an_agent_is_cut_off(self, which: int) -> None:
        self.plane.cut_off.add(self._node(which))

    @rule()
    def all_agents_are_back(self) -> None:
        self.plane.cut_off.clear()

    @precondition(_has_nodes)
    @rule(which=st.integers(0, 5), code=st.sampled_from([0, 0, 0, 1]))
    def what_runs_there_ends(self, which: int, code: int) -> None:
        self.plane.exit(self._node(which), code)

    @precondition(_has_nodes)
    @rule(which=st.integers(0, 5), seconds=st.sampled_from([5, 120]), unheard=st.booleans())
    def a_node_is_to_be_taken_away(self, which: int, seconds: float, unheard: bool) -> None:
        node = self._node(which)
        self.plane.notice(node, in_s=seconds)
        if unheard:
            self.plane.cut_off.add(node)

    @precondition(_has_nodes)
    @rule(which=st.integers(0, 5))
    def a_node_is_taken_away(self, which: int) -> None:
        self.plane.take_away(self._node(which))

    @rule()
    def nodes_come(self) -> None:
        self.plane.launch()

    @rule(seconds=st.sampled_from([1, 31, 61, 601]))
    def time_passes(self, seconds: float) -> None:
        self.plane.tidy()
        self.plane.wake(seconds)

    @rule(number=st.integers(0, 9))
    def cancel(self, number: int) -> None:
        """Rarely: it ends what is of interest."""
        if number < len(self.plane.jobs):
            self.plane.say(CancelJob(id=f"j{number}", workspace="w"))

    @invariant()
    def no_seat_is_given_twice(self) -> None:
        used: Counter[str] = Counter()
        for allocation in self.plane.allocations:
            seats = allocation.seats if allocation.phase in HOLDS else ()
            assert len({seat.rank for seat in seats}) == len(seats)
            assert len({seat.node for seat in seats}) == len(seats), "each rank has a node of its own"
            for seat in seats:
                used[seat.node] += round(seat.share.cpus)
        assert all(cpus <= self.plane.machines[node].level.room.cpus for node, cpus in used.items()), used

    @invariant()
    def who_is_granted_has_all_his_seats(self) -> None:
        ranks = {job.id: job.summary.ranks for job in self.plane.jobs}
        for allocation in self.plane.allocations:
            if allocation.phase is AllocationPhase.GRANTED:
                assert [seat.rank for seat in allocation.seats] == list(range(ranks[allocation.id]))

    @invariant()
    def who_lives_wakes(self) -> None:
        for service in self.plane.services.values():
            assert all(row.terminal or row.wake_at is not None for row in service.rows.values())

    def teardown(self) -> None:
        """Nothing is lost any more, and whatever runs ends well."""
        self.plane.cut_off.clear()
        for _ in range(40):
            self.plane.settle()
            self.plane.launch()
            self.plane.tidy()
            self.plane.settle()
            for node in self.nodes:
                self.plane.exit(node, 0)
            if all(job.terminal for job in self.plane.jobs) and not self.nodes:
                break
            self.plane.wake(61)
        assert [(job.id, job.phase, job.reason) for job in self.plane.jobs if not job.terminal] == []
        assert not self.nodes, "nodes are left that nobody wants"


Recovering.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestRecovering = Recovering.TestCase
