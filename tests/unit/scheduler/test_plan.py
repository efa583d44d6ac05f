"""Who is granted what, what is asked for, and when nodes may go: batches folded by the scheduler's own
wiring.
"""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.scheduler.scheduler import (
    Scheduler,
    cancelled,
    cluster,
    job,
    node,
    queued,
    ready,
    succeeded,
    told,
    with_node,
)
from tradewind.common.contracts.allocation import (
    AllocationGranted,
    AllocationLevel,
    AllocationPhase,
    CapacityPhase,
    ClaimPhase,
    CloseClaim,
)
from tradewind.common.contracts.job import (
    JobPhase,
    JobQueued,
    JobSucceeded,
)
from tradewind.common.contracts.node import (
    ClusterPhase,
    ClusterSeeking,
    ClusterTerminated,
    NodeDraining,
    NodeLost,
    NodePhase,
    NodeReady,
    NodeSuspect,
)
from tradewind.common.contracts.placement import PlacementInfeasible, PlacementLevel, PlacementPhase
from tradewind.common.contracts.registry import Event
from tradewind.common.contracts.values import Demand, Place, Retention, Room, Shape
from tradewind.common.reactor.aggregate import Ref
from tradewind.common.reactor.fold import fold_batch
from tradewind.scheduler.domain.model import Allocation, Capacity


def test_what_does_not_fit_opens_one_claim_that_its_class_shares() -> None:
    scheduler = Scheduler()
    assert told(scheduler.hear(queued("a"))) == ["claim.opened"]
    assert told(scheduler.hear(queued("b"), queued("c"))) == []
    assert told(scheduler.hear(queued("d", cpus=2))) == ["claim.opened"]


def test_a_ready_node_serves_the_claim_and_takes_as_many_as_fit() -> None:
    scheduler = Scheduler()
    scheduler.hear(queued("a"), queued("b", at=1), queued("c", at=2))
    (claim,) = scheduler.claims()
    outcome = scheduler.hear(ready("n", claim.id, cpus=2))
    assert (
        told(outcome)
        == [
            "capacity.opened",
            "allocation.granted",
            "allocation.granted",
            "claim.opened",
            "claim.served",
        ]
        or told(outcome).count("allocation.granted") == 2
    )
    assert scheduler.allocation("c").phase is AllocationPhase.WAITING


def test_higher_priority_goes_first_then_who_came_first() -> None:
    scheduler, _ = with_node()
    scheduler.hear(queued("late", at=2), queued("early", at=1), queued("urgent", at=3, priority=5))
    order: list[str] = []
    running = "first"
    for _ in range(3):
        outcome = scheduler.hear(succeeded(running))
        (running,) = [
            one.message.allocation.id for one in outcome.outbox if isinstance(one.message, AllocationGranted)
        ]
        order.append(running)
    assert order == ["urgent", "early", "late"]


def test_a_gang_is_granted_whole_or_not_at_all_each_rank_on_a_node_of_its_own() -> None:
    scheduler = Scheduler()
    scheduler.hear(queued("gang", ranks=2))
    (claim,) = scheduler.claims()
    assert claim.count == 2
    scheduler.hear(ready("n1", claim.id, cpus=8))
    assert scheduler.allocation("gang").phase is AllocationPhase.WAITING
    scheduler.hear(ready("n2", claim.id, cpus=8))
    assert sorted(scheduler.nodes_of("gang")) == ["n1", "n2"]


def test_nodes_that_a_gang_waits_for_are_not_given_away() -> None:
    scheduler = Scheduler()
    scheduler.hear(queued("gang", ranks=2), queued("single", cpus=0.5, at=1))
    gang = next(claim for claim in scheduler.claims() if claim.count == 2)
    scheduler.hear(ready("n1", gang.id))
    assert scheduler.allocation("single").phase is AllocationPhase.WAITING
    scheduler.hear(ready("n2", gang.id))
    assert scheduler.allocation("gang").phase is AllocationPhase.GRANTED


def test_what_was_kept_for_a_gang_is_there_for_others_once_it_sits() -> None:
    scheduler = Scheduler()
    scheduler.hear(queued("gang", ranks=2, cpus=0.5, at=1), queued("single", cpus=0.5))
    gang_claim = next(claim for claim in scheduler.claims() if claim.count == 2)
    scheduler.hear(ready("a", gang_claim.id), ready("b", gang_claim.id))
    assert scheduler.nodes_of("gang") == ["a", "b"]
    assert scheduler.nodes_of("single") != []


def test_a_withdrawn_demand_closes_its_claim() -> None:
    scheduler = Scheduler()
    scheduler.hear(queued("a"))
    assert told(scheduler.hear(cancelled("a"))) == ["allocation.released", "claim.closed"]


def test_a_named_cluster_that_nobody_waits_for_any_more_is_not_launched() -> None:
    scheduler = Scheduler()
    scheduler.hear(queued("a", cluster="dev"))
    assert told(scheduler.hear(cancelled("a"))) == ["allocation.released", "claim.closed"]


def test_idle_nodes_are_kept_for_a_grace_and_used_again_within_it() -> None:
    scheduler, _ = with_node()
    scheduler.hear(succeeded("first"))
    scheduler.wake(30)
    scheduler.hear(queued("second", at=30))
    assert scheduler.nodes_of("second") == ["n"]
    scheduler.hear(succeeded("second"))
    assert told(scheduler.wake(59)) == []
    assert told(scheduler.wake(2)) == ["claim.closed"]


def test_a_draining_node_is_vacated_when_its_last_seat_is_free() -> None:
    scheduler, claim = with_node()
    draining = NodeDraining.of(node("n", claim, phase=NodePhase.DRAINING, version=2))
    assert told(scheduler.hear(draining)) == []
    scheduler.hear(queued("next", at=1))
    assert scheduler.allocation("next").phase is AllocationPhase.WAITING
    assert "capacity.vacated" in told(scheduler.hear(succeeded("first")))
    assert scheduler.allocation("next").phase is AllocationPhase.WAITING


def test_a_node_first_heard_of_while_draining_may_go() -> None:
    scheduler = Scheduler()
    draining = NodeDraining.of(node("n", "c", phase=NodePhase.DRAINING))
    assert told(scheduler.hear(draining)) == ["capacity.vacated"]


def test_a_lost_node_breaks_the_allocations_on_it_and_the_next_attempt_waits() -> None:
    scheduler, claim = with_node()
    lost = NodeLost.of(node("n", claim, phase=NodePhase.LOST, version=2))
    assert "allocation.broken" in told(scheduler.hear(lost))
    assert [seat.gone for seat in scheduler.allocation("first").seats] == [True]
    again = JobQueued.of(job("first", version=5, attempt=2))
    assert "claim.opened" in told(scheduler.hear(again))
    assert scheduler.allocation("first").phase is AllocationPhase.WAITING


def test_who_names_a_cluster_that_nobody_wanted_gets_another() -> None:
    """Found by the simulator: the next job that named it was cancelled, as if somebody had taken it down."""
    scheduler = Scheduler()
    scheduler.hear(queued("first", cluster="dev"))
    scheduler.hear(cancelled("first"))
    assert scheduler.claims(ClaimPhase.OPEN) == []
    scheduler.hear(queued("next", cluster="dev", at=1))
    assert scheduler.allocation("next").phase is AllocationPhase.WAITING
    assert len(scheduler.claims(ClaimPhase.OPEN)) == 1


def test_a_named_cluster_is_launched_for_whoever_still_names_it() -> None:
    scheduler = Scheduler()
    scheduler.hear(queued("first", cluster="dev", cpus=2))
    scheduler.hear(queued("other", cluster="dev", cpus=1, at=1))
    scheduler.hear(cancelled("first"))
    scheduler.hear(queued("elsewhere"))
    assert scheduler.allocation("other").phase is AllocationPhase.WAITING
    assert [claim.name for claim in scheduler.claims(ClaimPhase.OPEN)] == ["dev", None]
    assert "claim.closed" in told(scheduler.hear(cancelled("other")))


def test_taking_a_named_cluster_down_revokes_what_is_there_and_what_waits_for_it() -> None:
    scheduler = Scheduler()
    scheduler.hear(queued("on", cluster="dev"))
    (claim,) = scheduler.claims()
    scheduler.hear(ready("n", claim.id))
    scheduler.hear(queued("waits", cluster="dev", at=1))
    outcome = scheduler.hear(CloseClaim(id=claim.id, workspace="w"))
    assert told(outcome).count("allocation.revoked") == 2
    assert {scheduler.allocation(name).phase for name in ("on", "waits")} == {AllocationPhase.REVOKED}


def test_a_named_cluster_serves_only_those_who_name_it() -> None:
    scheduler = Scheduler()
    scheduler.hear(queued("on", cluster="dev"))
    (claim,) = scheduler.claims()
    scheduler.hear(ready("n", claim.id, cpus=4))
    scheduler.hear(queued("other"))
    assert scheduler.allocation("other").phase is AllocationPhase.WAITING
    scheduler.hear(queued("exec", cluster="dev", at=1))
    assert scheduler.nodes_of("exec") == ["n"]
    assert scheduler.wake(3600).rows is not None
    assert [claim.phase for claim in scheduler.claims() if claim.name == "dev"] == [ClaimPhase.SERVED]


def test_a_named_cluster_that_lost_its_nodes_asks_for_new_ones_when_wanted() -> None:
    scheduler = Scheduler()
    scheduler.hear(queued("on", cluster="dev"))
    (claim,) = scheduler.claims()
    scheduler.hear(ready("n", claim.id))
    scheduler.hear(NodeLost.of(node("n", claim.id, phase=NodePhase.LOST, version=2)))
    outcome = scheduler.hear(JobQueued.of(job("on", cluster="dev", version=5, attempt=2)))
    assert "claim.opened" in told(outcome)
    (again,) = scheduler.claims()
    assert (again.generation, again.phase) == (2, ClaimPhase.OPEN)


def test_a_claim_whose_cluster_died_before_it_could_serve_asks_anew() -> None:
    """Found by the simulator: both nodes came up, one was lost before the scheduler heard of the other."""
    scheduler = Scheduler()
    scheduler.hear(queued("gang", ranks=2))
    (claim,) = scheduler.claims()
    died = ClusterTerminated.of(cluster(claim.id))
    assert "claim.opened" in told(scheduler.hear(died))
    (again,) = scheduler.claims()
    assert (again.generation, again.phase) == (2, ClaimPhase.OPEN)
    assert told(scheduler.hear(ClusterTerminated.of(cluster(claim.id, version=2)))) == []


def test_who_waits_is_told_what_the_infras_said_last() -> None:
    """Found by what-if: a job whose launches were refused for want of capacity waited without a reason."""
    scheduler = Scheduler()
    scheduler.hear(queued("a"))
    (claim,) = scheduler.claims()
    refused = cluster(claim.id).but(phase=ClusterPhase.SEEKING, reason="0 of 1 are to be had")
    scheduler.hear(ClusterSeeking.of(refused))
    assert scheduler.allocation("a").reason == "0 of 1 are to be had"
    assert told(scheduler.hear(ClusterSeeking.of(refused.but(version=2)))) == []
    scheduler.hear(ready("n1", claim.id))
    assert scheduler.allocation("a").phase is AllocationPhase.GRANTED


def test_old_news_of_a_job_is_ignored() -> None:
    scheduler, _ = with_node()
    scheduler.hear(JobQueued.of(job("first", version=1)))
    assert scheduler.allocation("first").phase is AllocationPhase.GRANTED


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("queue"), st.integers(0, 9), st.integers(1, 3), st.sampled_from([0.5, 1.0, 2.0])),
        st.tuples(st.just("end"), st.integers(0, 9)),
        st.tuples(st.just("ready"), st.integers(0, 5), st.sampled_from([1.0, 2.0, 4.0])),
        st.tuples(st.just("lose"), st.integers(0, 5)),
        st.tuples(st.just("drain"), st.integers(0, 5)),
        st.tuples(st.just("wake"), st.integers(1, 700)),
    ),
    max_size=40,
)


@given(STEPS)
def test_whatever_happens_nothing_is_oversold_and_an_index_made_anew_agrees(
    steps: Sequence[tuple[object, ...]],
) -> None:
    scheduler = Scheduler()
    versions: dict[str, int] = {}

    def next_version(name: str) -> int:
        versions[name] = versions.get(name, 0) + 1
        return versions[name]

    for step in steps:
        match step:
            case ("queue", int(n), int(ranks), float(cpus)) if (
                Ref("allocation", f"j{n}") not in scheduler.rows
            ):
                level = job(f"j{n}", ranks=ranks, cpus=cpus, version=next_version(f"j{n}"))
                scheduler.hear(JobQueued.of(level))
            case ("end", int(n)):
                level = job(f"j{n}", version=next_version(f"j{n}"), phase=JobPhase.SUCCEEDED, demand=None)
                scheduler.hear(JobSucceeded.of(level))
            case ("ready", int(n), float(cpus)) if (
                scheduler.claims(ClaimPhase.OPEN) and f"n{n}" not in versions
            ):
                claim = scheduler.claims(ClaimPhase.OPEN)[0].id
                scheduler.hear(NodeReady.of(node(f"n{n}", claim, cpus=cpus, version=next_version(f"n{n}"))))
            case ("lose" | "drain" as what, int(n)) if f"n{n}" in versions:
                phase = NodePhase.LOST if what == "lose" else NodePhase.DRAINING
                event = NodeLost if what == "lose" else NodeDraining
                known = scheduler.rows[Ref("capacity", f"n{n}")]
                assert isinstance(known, Capacity)
                level = node(
                    f"n{n}", known.claim, cpus=known.room.cpus, phase=phase, version=next_version(f"n{n}")
                )
                scheduler.hear(event.of(level))
            case ("wake", int(seconds)):
                scheduler.wake(seconds)
            case _:
                continue
        _nothing_oversold(scheduler)
        _all_wake(scheduler)
        _nobody_waits_beside_room(scheduler)


def _nothing_oversold(scheduler: Scheduler) -> None:
    used: dict[str, float] = {}
    for row in scheduler.rows.values():
        if isinstance(row, Allocation):
            for seat in row.seats:
                used[seat.node] = used.get(seat.node, 0) + seat.share.cpus
    for name, cpus in used.items():
        capacity = scheduler.rows[Ref("capacity", name)]
        assert isinstance(capacity, Capacity)
        assert cpus <= capacity.room.cpus or capacity.phase is CapacityPhase.GONE


def _all_wake(scheduler: Scheduler) -> None:
    assert all(row.terminal or row.wake_at is not None for row in scheduler.rows.values())


def _nobody_waits_beside_room(scheduler: Scheduler) -> None:
    """An index made anew from the rows finds nothing more to grant."""
    assert scheduler.wiring.planner is not None
    fresh = scheduler.wiring.planner([row for row in scheduler.rows.values() if not row.terminal])
    outcome = fold_batch(scheduler.wiring, scheduler.rows, [], now=scheduler.now, planner=fresh)
    granted = [
        one.message
        for one in outcome.outbox
        if isinstance(one.message, Event) and one.message.name == "granted"
    ]
    assert granted == []
    assert all(isinstance(level, AllocationLevel) for level in granted)


def test_nodes_that_came_too_small_are_given_up_before_others_are_asked_for() -> None:
    scheduler = Scheduler()
    scheduler.hear(queued("a", cpus=4))
    for number in range(3):
        (claim,) = scheduler.claims(ClaimPhase.OPEN)
        outcome = scheduler.hear(ready(f"n{number}", claim.id, cpus=2))
        assert "claim.opened" not in told(outcome)
        assert "less to give" in scheduler.allocation("a").reason
        assert scheduler.claims(ClaimPhase.OPEN) == []
        assert told(scheduler.wake(61)).count("claim.closed") == 1
        lost = node(f"n{number}", claim.id, cpus=2, phase=NodePhase.LOST, version=2)
        scheduler.hear(NodeLost.of(lost))


def test_a_node_chosen_for_a_demand_takes_it_whatever_its_accelerator_is_called() -> None:
    scheduler = Scheduler()
    level = job("gpu")
    shape = Shape(accelerator="H100", accelerator_count=1, infra="aws/r/z")
    scheduler.hear(JobQueued.of(level.but(demand=Demand(shapes=(shape,)))))
    (claim,) = scheduler.claims()
    room = Room(cpus=8, memory_gib=64, accelerator="H100-SXM", accelerator_count=2)
    place = Place(infra="aws", region="r", instance_type="p5", room=room, price_usd_h=4)
    scheduler.hear(NodeReady.of(node("n", claim.id).but(room=room, place=place)))
    assert [seat.share.devices for seat in scheduler.allocation("gpu").seats] == [(0,)]


def test_a_named_cluster_that_is_too_small_says_so() -> None:
    scheduler = Scheduler()
    scheduler.hear(queued("on", cluster="dev"))
    (claim,) = scheduler.claims()
    scheduler.hear(ready("n", claim.id))
    scheduler.hear(queued("large", cluster="dev", cpus=8, at=1))
    assert "cluster dev can never hold it" in scheduler.allocation("large").reason


def test_a_job_that_asks_for_another_place_than_its_cluster_says_so() -> None:
    scheduler = Scheduler()
    scheduler.hear(queued("on", cluster="dev"))
    (claim,) = scheduler.claims()
    scheduler.hear(ready("n", claim.id, cpus=4))
    level = job("elsewhere", cluster="dev", at=1)
    demand = Demand(shapes=(Shape(infra="aws"),), cluster="dev", retention=Retention.NAMED)
    scheduler.hear(JobQueued.of(level.but(demand=demand)))
    assert scheduler.allocation("elsewhere").reason == "cluster dev lies in local, not in aws"
    scheduler.hear(queued("wide", cluster="dev", ranks=2, at=2))
    assert scheduler.allocation("wide").reason == "cluster dev has 1 nodes, 2 are asked for"


def test_a_node_first_heard_of_as_suspect_takes_nothing_until_it_speaks() -> None:
    scheduler = Scheduler()
    scheduler.hear(queued("a"))
    (claim,) = scheduler.claims()
    scheduler.hear(NodeSuspect.of(node("n", claim.id, phase=NodePhase.SUSPECT)))
    assert scheduler.allocation("a").phase is AllocationPhase.WAITING
    scheduler.hear(NodeReady.of(node("n", claim.id, version=2)))
    assert scheduler.nodes_of("a") == ["n"]


def test_who_waits_for_what_nothing_can_serve_is_told_why() -> None:
    scheduler = Scheduler()
    scheduler.hear(queued("a"))
    (claim,) = scheduler.claims()
    level = PlacementLevel(
        id=claim.id,
        workspace="w",
        version=1,
        phase=PlacementPhase.INFEASIBLE,
        generation=1,
        round=0,
        count=1,
        shape=Shape(),
        why="no offer",
    )
    assert told(scheduler.hear(PlacementInfeasible.of(level))) == ["claim.restated", "allocation.waiting"]
    assert scheduler.allocation("a").reason == "no offer"
