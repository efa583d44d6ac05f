"""What becomes of a gang whose nodes are lost, or are to be taken away; and where it is started again."""

from datetime import timedelta

import pytest

from tests.unit.jobs_controller.jobs import (
    CTX,
    LEAVES_AT,
    NOW,
    allocation,
    goals,
    grant,
    hear,
    lose,
    notice,
    running,
    sign,
    state,
    submitted,
    told,
    wants,
)
from tradewind.common.contracts.allocation import (
    AllocationGranted,
    AllocationLeaving,
    AllocationLevel,
    AllocationPhase,
)
from tradewind.common.contracts.job import CancelJob, JobPhase, RankPhase, RoleSummary
from tradewind.common.contracts.rank import Goal
from tradewind.common.contracts.values import Recovery, Region, Shape
from tradewind.common.reactor.decision import Ctx, Decision
from tradewind.jobs_controller.domain import decide
from tradewind.jobs_controller.domain.model import Job

EAST, WEST = Region(infra="cloud", region="east"), Region(infra="cloud", region="west")
CANCEL = CancelJob(id="j", workspace="w")


def test_a_notice_stops_the_whole_gang_at_once_and_says_by_when() -> None:
    decision = notice(running(2), 0)
    assert told(decision) == ["recovering"]
    assert state(decision).reason == "node n0 is taken away by its infra at 00:02:00 UTC"
    assert {node: (want.goal, want.reclaim_at) for node, want in wants(decision).items()} == {
        "n0": (Goal.STOP, LEAVES_AT),
        "n1": (Goal.STOP, LEAVES_AT),
    }


@pytest.mark.parametrize("seconds", [2, 0, -3])
def test_there_is_no_more_grace_than_time(seconds: float) -> None:
    decision = notice(running(), 0, leaves_at=NOW + timedelta(seconds=seconds))
    assert wants(decision)["n0"].grace_s == max(seconds, 0)


def test_of_several_notices_the_earliest_counts() -> None:
    job = state(notice(running(2), 0))
    earlier = notice(job, 0, 1, leaves_at=NOW + timedelta(minutes=1))
    assert {want.reclaim_at for want in wants(earlier).values()} == {NOW + timedelta(minutes=1)}
    assert told(earlier) == []


def test_the_next_attempt_waits_for_nodes_as_soon_as_every_rank_has_ended() -> None:
    job = state(notice(running(2), 0))
    job = state(hear(job, (0, RankPhase.STOPPED)))
    assert job.phase is JobPhase.RECOVERING
    queued = hear(job, (1, RankPhase.STOPPED))
    assert told(queued) == ["queued"]
    assert (state(queued).attempt, state(queued).restarts) == (2, 0)
    assert goals(queued) == [Goal.FORGET, Goal.FORGET]


def test_a_job_that_has_not_begun_moves_on_too() -> None:
    assert told(notice(state(grant(submitted(2))), 1)) == ["recovering"]


def test_a_grant_on_a_node_that_leaves_is_given_back_unused() -> None:
    job = submitted(2)
    level = allocation(job, AllocationPhase.GRANTED, leaving=(0,))
    decision = decide.observe_allocation(job, AllocationGranted.of(level), CTX, sign=sign)
    assert told(decision) == ["queued"]
    assert state(decision).attempt == 2
    assert goals(decision) == []


@pytest.mark.parametrize(
    ("ends", "outcome"),
    [
        ([(RankPhase.EXITED, 0), (RankPhase.EXITED, 0)], "succeeded"),
        ([(RankPhase.EXITED, 0), (RankPhase.STOPPED, 0)], "queued"),
        ([(RankPhase.STOPPED, 143), (RankPhase.STOPPED, 143)], "queued"),
        ([(RankPhase.EXITED, 3), (RankPhase.EXITED, 0)], "queued"),
    ],
    ids=["both finished", "one was stopped", "both were stopped", "one failed under notice"],
)
def test_who_finishes_by_himself_during_the_grace_has_finished(
    ends: list[tuple[RankPhase, int]], outcome: str
) -> None:
    decision = hear(
        state(notice(running(2), 1)), *((rank, phase, code) for rank, (phase, code) in enumerate(ends))
    )
    assert told(decision) == [outcome]
    if outcome == "succeeded":
        assert (state(decision).exit_code, state(decision).reason) == (0, "")


def test_the_end_of_a_rank_that_nobody_requires_does_not_matter_to_success() -> None:
    roles = (
        RoleSummary(name="main", count=1, shape=Shape()),
        RoleSummary(name="helper", count=1, shape=Shape(), required=False),
    )
    job = state(lose(running(roles=roles), 1))
    assert job.phase is JobPhase.RECOVERING
    assert told(hear(job, (0, RankPhase.EXITED, 0))) == ["succeeded"]


def test_a_verdict_stands_whatever_is_noticed() -> None:
    cancelling = state(decide.cancel(running(2), CANCEL, CTX, sign=sign))
    noticed = notice(cancelling, 0)
    assert (told(noticed), goals(noticed)) == ([], [])
    assert told(hear(state(noticed), (0, RankPhase.STOPPED), (1, RankPhase.STOPPED))) == ["cancelled"]


def test_the_notice_of_a_node_whose_rank_is_done_is_nothing() -> None:
    job = state(hear(running(2), (0, RankPhase.EXITED, 0)))
    assert notice(job, 0) == Decision()


def test_a_missed_notice_is_found_when_it_asks() -> None:
    job = running()
    later = Ctx(now=NOW + timedelta(minutes=10), cause="alarm")
    assert [one.name for one in decide.wake(job, later, sign=sign).publish if one.owner == "scheduler"] == [
        "restate_allocation"
    ]
    level = allocation(job, AllocationPhase.GRANTED, leaving=(0,))
    answer = decide.observe_allocation(job, AllocationLeaving.of(level), later, sign=sign)
    assert told(answer) == ["recovering"]


def asked(job: Job) -> tuple[tuple[Region, ...], tuple[Region, ...], int]:
    demand = job.level.demand
    assert demand is not None
    return demand.avoid, demand.prefer, demand.race


@pytest.mark.parametrize(
    ("recovery", "lost", "avoid", "prefer"),
    [
        (Recovery.EAGER_NEXT_REGION, (0,), (EAST,), ()),
        (Recovery.EAGER_NEXT_REGION, (0, 1), (EAST, WEST), ()),
        (Recovery.FAILOVER, (0,), (), (EAST,)),
    ],
)
def test_where_the_next_attempt_goes(
    recovery: Recovery, lost: tuple[int, ...], avoid: tuple[Region, ...], prefer: tuple[Region, ...]
) -> None:
    job = running(2, recovery=recovery, race=3)
    assert asked(submitted(2, race=3)) == ((), (), 3)
    recovered = state(lose(job, *lost))
    if recovered.phase is JobPhase.RECOVERING:
        recovered = state(hear(recovered, (1, RankPhase.STOPPED)))
    assert asked(recovered) == (avoid, prefer, 3)


def test_a_later_loss_elsewhere_makes_the_first_region_good_again() -> None:
    recovered = state(hear(state(lose(running(2), 0)), (1, RankPhase.STOPPED)))
    level = allocation(recovered, AllocationPhase.GRANTED)
    moved = level.but(seats=tuple(seat.but(region="west") for seat in level.seats))
    again = state(decide.observe_allocation(recovered, AllocationGranted.of(moved), CTX, sign=sign))
    lost = state(decide.observe_allocation(again, AllocationLeaving.of(_all_gone(moved)), CTX, sign=sign))
    assert asked(lost)[0] == (WEST,)


def _all_gone(level: AllocationLevel) -> AllocationLevel:
    return level.but(seats=tuple(seat.but(gone=True) for seat in level.seats))


def test_a_notice_counts_as_a_loss_there() -> None:
    job = state(notice(running(2), 0))
    assert asked(state(hear(job, (0, RankPhase.STOPPED), (1, RankPhase.STOPPED))))[0] == (EAST,)


def test_a_failure_of_its_own_avoids_nothing() -> None:
    job = running(1, max_restarts=1)
    recovered = state(lose(job, 0))
    assert asked(recovered)[0] == (EAST,)
    again = state(
        hear(
            state(grant(recovered)), (0, RankPhase.PREPARED), (0, RankPhase.RUNNING), (0, RankPhase.EXITED, 1)
        )
    )
    assert (again.attempt, again.restarts, asked(again)[0]) == (3, 1, ())


def test_an_infra_without_regions_is_not_avoided() -> None:
    job = submitted()
    level = allocation(job, AllocationPhase.GRANTED)
    here = level.but(seats=tuple(seat.but(infra="local", region="") for seat in level.seats))
    started = state(decide.observe_allocation(job, AllocationGranted.of(here), CTX, sign=sign))
    gone = state(decide.observe_allocation(started, AllocationLeaving.of(_all_gone(here)), CTX, sign=sign))
    assert asked(gone)[0] == ()


def test_a_job_on_a_named_cluster_asks_for_that_cluster_and_nothing_else() -> None:
    recovered = state(lose(running(cluster="dev"), 0))
    assert asked(recovered) == ((), (), 1)
    assert recovered.level.demand is not None
    assert recovered.level.demand.cluster == "dev"
