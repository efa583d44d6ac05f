"""Nodes that are taken away, ranks that are seated anew, regions to avoid or to prefer."""

from datetime import timedelta

from tests.unit.scheduler.scheduler import START, Scheduler, job, node, queued, told
from tradewind.common.contracts.allocation import AllocationPhase, CapacityPhase, ClaimPhase, Seat
from tradewind.common.contracts.job import JobLevel, JobPhase, JobQueued, JobReplacing, RankLevel, RankPhase
from tradewind.common.contracts.node import (
    DrainNode,
    NodeLevel,
    NodeLost,
    NodePhase,
    NodeReady,
    NodeReclaimNoticed,
)
from tradewind.common.contracts.values import Demand, Region, Replacement, Shape
from tradewind.common.reactor.aggregate import Ref
from tradewind.common.reactor.fold import Outcome
from tradewind.scheduler.domain.model import Capacity, Claim

EAST, WEST = Region(infra="cloud", region="east"), Region(infra="cloud", region="west")
RECLAIM_AT = START + timedelta(minutes=2)


def in_(region: str, level: NodeLevel) -> NodeLevel:
    return level.but(place=level.place.but(infra="cloud", region=region))


def up(scheduler: Scheduler, name: str, *, region: str = "east", cpus: float = 1) -> Outcome:
    """A node comes for the claim that is open."""
    (claim,) = scheduler.claims(ClaimPhase.OPEN)
    return scheduler.hear(NodeReady.of(in_(region, node(name, claim.id, cpus=cpus))))


def lost(scheduler: Scheduler, name: str) -> Outcome:
    return scheduler.hear(NodeLost.of(_as(scheduler, name, NodePhase.LOST, version=9)))


def noticed(scheduler: Scheduler, name: str, *, version: int = 2, minutes: float = 2) -> Outcome:
    level = _as(scheduler, name, NodePhase.DRAINING, version=version)
    at = START + timedelta(minutes=minutes)
    return scheduler.hear(NodeReclaimNoticed.of(level.but(reclaim_at=at)))


def _as(scheduler: Scheduler, name: str, phase: NodePhase, *, version: int) -> NodeLevel:
    capacity = scheduler.rows[Ref("capacity", name)]
    assert isinstance(capacity, Capacity)
    return node(name, capacity.claim, phase=phase, version=version).but(place=capacity.place)


def gang(scheduler: Scheduler, name: str = "gang", *, ranks: int = 3) -> None:
    """It sits on the nodes n0, n1, …, in the east."""
    scheduler.hear(queued(name, ranks=ranks))
    for rank in range(ranks):
        (claim,) = scheduler.claims(ClaimPhase.OPEN)
        scheduler.hear(NodeReady.of(in_("east", node(f"n{rank}", claim.id))))
    assert scheduler.nodes_of(name) == [f"n{rank}" for rank in range(ranks)]


def lacks(
    name: str = "gang", *ranks: tuple[int, int], version: int = 5, avoid: tuple[Region, ...] = ()
) -> JobLevel:
    """It runs, and these (rank, incarnation) wait for seats."""
    demand = Demand(
        shapes=(Shape(cpus=1),) * len(ranks),
        replacements=tuple(Replacement(rank=rank, incarnation=incarnation) for rank, incarnation in ranks),
        avoid=avoid,
    )
    return job(name, ranks=3, version=version, phase=JobPhase.RUNNING).but(
        demand=demand,
        ranks=tuple(
            RankLevel(
                rank=rank, role="main", incarnation=incarnation, node="", address="", phase=RankPhase.WANTED
            )
            for rank, incarnation in ranks
        ),
    )


def seats(scheduler: Scheduler, name: str = "gang") -> dict[int, Seat]:
    return {seat.rank: seat for seat in scheduler.allocation(name).seats}


def capacity(scheduler: Scheduler, name: str) -> Capacity:
    row = scheduler.rows[Ref("capacity", name)]
    assert isinstance(row, Capacity)
    return row


def test_a_notice_drains_the_node_and_tells_who_sits_there() -> None:
    scheduler = Scheduler()
    gang(scheduler)
    assert told(noticed(scheduler, "n1")) == ["allocation.leaving"]
    assert [seats(scheduler)[rank].leaves_at for rank in range(3)] == [None, RECLAIM_AT, None]
    assert scheduler.allocation("gang").phase is AllocationPhase.GRANTED
    assert capacity(scheduler, "n1").phase is CapacityPhase.DRAINING


def test_a_notice_is_told_once_unless_it_comes_nearer() -> None:
    scheduler = Scheduler()
    gang(scheduler)
    noticed(scheduler, "n1")
    assert told(noticed(scheduler, "n1", version=3)) == []
    assert told(noticed(scheduler, "n1", version=4, minutes=1)) == ["allocation.leaving"]
    assert seats(scheduler)[1].leaves_at == START + timedelta(minutes=1)


def test_nothing_new_is_placed_on_a_node_that_leaves() -> None:
    scheduler = Scheduler()
    scheduler.hear(queued("first", cpus=1))
    up(scheduler, "n", cpus=4)
    noticed(scheduler, "n")
    scheduler.hear(queued("next", cpus=1, at=1))
    assert scheduler.allocation("next").phase is AllocationPhase.WAITING


def test_a_node_that_leaves_may_end_as_soon_as_the_gang_has_moved_on() -> None:
    scheduler = Scheduler()
    gang(scheduler)
    noticed(scheduler, "n1")
    outcome = scheduler.hear(JobQueued.of(job("gang", ranks=3, version=7, attempt=2)))
    assert "capacity.vacated" in told(outcome)


def test_the_next_attempt_asks_for_what_the_job_asks_then() -> None:
    scheduler = Scheduler()
    gang(scheduler)
    lost(scheduler, "n1")
    level = job("gang", ranks=3, version=7, attempt=2)
    assert level.demand is not None
    scheduler.hear(JobQueued.of(level.but(demand=level.demand.but(avoid=(EAST,), race=3))))
    (claim,) = scheduler.claims(ClaimPhase.OPEN)
    assert (claim.level.avoid, claim.level.prefer, claim.level.race) == ((EAST,), (), 3)


def test_a_region_to_avoid_is_not_used_though_it_has_room() -> None:
    scheduler = Scheduler()
    gang(scheduler)
    scheduler.hear(JobQueued.of(_moved("gang", avoid=(EAST,))))
    assert scheduler.allocation("gang").phase is AllocationPhase.WAITING
    for name in ("m0", "m1", "m2"):
        up(scheduler, name, region="west")
    assert scheduler.nodes_of("gang") == ["m0", "m1", "m2"]


def test_what_is_launched_for_it_is_used_wherever_it_is() -> None:
    """No other region could serve it: the optimizer has ranked those to avoid last, and came to one."""
    scheduler = Scheduler()
    gang(scheduler)
    scheduler.hear(JobQueued.of(_moved("gang", avoid=(EAST,))))
    for name in ("m0", "m1", "m2"):
        up(scheduler, name, region="east")
    assert scheduler.nodes_of("gang") == ["m0", "m1", "m2"]


def test_a_preferred_region_comes_first() -> None:
    scheduler = Scheduler()
    scheduler.hear(queued("one"))
    up(scheduler, "east", region="east", cpus=4)
    scheduler.hear(queued("two", at=1, cpus=4))
    up(scheduler, "west", region="west", cpus=4)
    scheduler.hear(JobQueued.of(job("two", cpus=4, version=8, attempt=2)))
    level = job("picky", at=2)
    assert level.demand is not None
    scheduler.hear(JobQueued.of(level.but(demand=level.demand.but(prefer=(WEST,)))))
    scheduler.hear(queued("other", at=3))
    assert scheduler.nodes_of("two", "picky", "other") == ["west", "east", "east"]
    scheduler.hear(JobQueued.of(job("two", cpus=4, version=9, attempt=3, phase=JobPhase.CANCELLED)))
    level = job("late", at=4)
    assert level.demand is not None
    scheduler.hear(JobQueued.of(level.but(demand=level.demand.but(prefer=(WEST,)))))
    assert scheduler.nodes_of("late") == ["west"]


def _moved(name: str, *, avoid: tuple[Region, ...]) -> JobLevel:
    level = job(name, ranks=3, version=7, attempt=2)
    assert level.demand is not None
    return level.but(demand=level.demand.but(avoid=avoid))


def test_a_rank_that_lost_its_node_is_seated_anew_and_the_others_keep_theirs() -> None:
    scheduler = Scheduler()
    gang(scheduler)
    assert "allocation.broken" in told(lost(scheduler, "n1"))
    outcome = scheduler.hear(JobReplacing.of(lacks("gang", (1, 1), avoid=(EAST,))))
    assert told(outcome) == ["allocation.mending", "claim.opened"]
    (claim,) = scheduler.claims(ClaimPhase.OPEN)
    assert (claim.count, claim.avoid) == (1, (EAST,))
    assert "allocation.granted" in told(up(scheduler, "m", region="west"))
    assert [(seat.rank, seat.incarnation, seat.node, seat.region) for seat in seats(scheduler).values()] == [
        (0, 0, "n0", "east"),
        (1, 1, "m", "west"),
        (2, 0, "n2", "east"),
    ]


def test_a_rank_is_not_seated_beside_another_of_its_gang() -> None:
    scheduler = Scheduler()
    scheduler.hear(queued("gang", ranks=2, cpus=1))
    (claim,) = scheduler.claims()
    scheduler.hear(*(NodeReady.of(in_("east", node(f"n{one}", claim.id, cpus=8))) for one in range(2)))
    lost(scheduler, "n1")
    scheduler.hear(JobReplacing.of(lacks("gang", (1, 1))))
    assert scheduler.allocation("gang").phase is AllocationPhase.MENDING
    up(scheduler, "m")
    assert scheduler.nodes_of("gang") == ["n0", "m"]


def test_who_waits_longest_is_seated_first_whole_gang_or_single_rank() -> None:
    scheduler = Scheduler()
    gang(scheduler)
    lost(scheduler, "n1")
    scheduler.hear(queued("later", at=9))
    scheduler.hear(JobReplacing.of(lacks("gang", (1, 1))))
    up(scheduler, "m")
    assert scheduler.nodes_of("gang") == ["n0", "m", "n2"]
    assert scheduler.allocation("later").phase is AllocationPhase.WAITING


def test_a_demand_heard_again_after_it_was_served_takes_nothing_back() -> None:
    scheduler = Scheduler()
    gang(scheduler)
    lost(scheduler, "n1")
    scheduler.hear(JobReplacing.of(lacks("gang", (1, 1))))
    up(scheduler, "m")
    assert told(scheduler.hear(JobReplacing.of(lacks("gang", (1, 1), version=6)))) == []
    assert scheduler.nodes_of("gang") == ["n0", "m", "n2"]


def test_a_seat_lost_unheard_stays_until_the_next_incarnation_asks() -> None:
    scheduler = Scheduler()
    gang(scheduler)
    lost(scheduler, "n1")
    scheduler.hear(JobReplacing.of(lacks("gang", (1, 1))))
    up(scheduler, "m")
    lost(scheduler, "m")
    scheduler.hear(JobReplacing.of(lacks("gang", (1, 1), version=6)))
    assert seats(scheduler)[1].gone
    scheduler.hear(JobReplacing.of(lacks("gang", (1, 2), version=7)))
    assert sorted(seats(scheduler)) == [0, 2]
    up(scheduler, "k")
    assert (seats(scheduler)[1].node, seats(scheduler)[1].incarnation) == ("k", 2)


def test_another_rank_is_lost_while_one_waits() -> None:
    scheduler = Scheduler()
    gang(scheduler)
    lost(scheduler, "n1")
    scheduler.hear(JobReplacing.of(lacks("gang", (1, 1))))
    assert "allocation.broken" in told(lost(scheduler, "n2"))
    outcome = scheduler.hear(JobReplacing.of(lacks("gang", (1, 1), (2, 1), version=6)))
    assert told(outcome) == ["allocation.mending", "claim.opened"]
    for name in ("m1", "m2"):
        up(scheduler, name)
    assert scheduler.nodes_of("gang") == ["n0", "m1", "m2"]


def test_one_of_two_was_seated_unheard() -> None:
    scheduler = Scheduler()
    gang(scheduler)
    lost(scheduler, "n1")
    scheduler.hear(JobReplacing.of(lacks("gang", (1, 1))))
    up(scheduler, "m1")
    lost(scheduler, "n2")
    scheduler.hear(JobReplacing.of(lacks("gang", (1, 1), (2, 1), version=6)))
    up(scheduler, "m2")
    assert scheduler.nodes_of("gang") == ["n0", "m1", "m2"]


def test_the_whole_gang_moves_on_while_a_rank_waits() -> None:
    scheduler = Scheduler()
    gang(scheduler)
    lost(scheduler, "n1")
    scheduler.hear(JobReplacing.of(lacks("gang", (1, 1))))
    outcome = scheduler.hear(JobQueued.of(job("gang", ranks=3, version=7, attempt=2)))
    assert told(outcome).count("claim.opened") == 1
    (claim,) = scheduler.claims(ClaimPhase.OPEN)
    assert claim.count == 3
    assert scheduler.allocation("gang").seats == ()


def test_the_job_ends_while_a_rank_waits() -> None:
    scheduler = Scheduler()
    gang(scheduler)
    lost(scheduler, "n1")
    scheduler.hear(JobReplacing.of(lacks("gang", (1, 1))))
    over = job("gang", ranks=3, version=7, phase=JobPhase.CANCELLED, demand=None)
    outcome = scheduler.hear(JobReplacing.of(over))
    assert {"allocation.released", "claim.closed"} <= set(told(outcome))


def test_a_named_cluster_that_cannot_seat_its_gang_any_more_is_launched_anew() -> None:
    """Found while reading: the gang waited for ever, since one of its two nodes was still there."""
    scheduler = Scheduler()
    scheduler.hear(queued("on", cluster="dev", ranks=2))
    (claim,) = scheduler.claims()
    scheduler.hear(*(NodeReady.of(node(f"n{one}", claim.id)) for one in range(2)))
    scheduler.hear(NodeLost.of(node("n0", claim.id, phase=NodePhase.LOST, version=2)))
    outcome = scheduler.hear(JobQueued.of(job("on", cluster="dev", ranks=2, version=5, attempt=2)))
    assert "claim.opened" in told(outcome)
    assert [one.message.id for one in outcome.outbox if isinstance(one.message, DrainNode)] == ["n1"]
    (again,) = scheduler.claims()
    assert isinstance(again, Claim)
    assert again.generation == 2


def test_a_single_job_does_not_launch_a_named_cluster_anew_because_it_is_busy() -> None:
    scheduler = Scheduler()
    scheduler.hear(queued("on", cluster="dev", ranks=2))
    (claim,) = scheduler.claims()
    scheduler.hear(*(NodeReady.of(node(f"n{one}", claim.id)) for one in range(2)))
    outcome = scheduler.hear(queued("exec", cluster="dev", at=1))
    assert "claim.opened" not in told(outcome)
