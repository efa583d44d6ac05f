"""One rank of a gang is started again alone, and the others run on."""

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
    said,
    sign,
    state,
    submitted,
    told,
    wants,
)
from tradewind.common.contracts.allocation import (
    AllocationBroken,
    AllocationGranted,
    AllocationMending,
    AllocationPhase,
    Seat,
)
from tradewind.common.contracts.job import CancelJob, JobPhase, OnLoss, RankPhase, RoleSummary
from tradewind.common.contracts.rank import AllocationWant, Goal
from tradewind.common.contracts.values import Recovery, Region, Replacement, Shape, Share
from tradewind.common.reactor.decision import Ctx, Decision
from tradewind.jobs_controller.domain import decide
from tradewind.jobs_controller.domain.model import Job

WORKERS = RoleSummary(name="worker", count=2, shape=Shape(cpus=2), on_loss=OnLoss.RANK)
LAUNCHER = RoleSummary(name="launcher", count=1, shape=Shape())
ROLES = (LAUNCHER, WORKERS)
"""Rank 0 is the launcher, ranks 1 and 2 are workers."""
LATER = Ctx(now=NOW + timedelta(hours=1), cause="alarm")


def seat(rank: int, *, node: str, incarnation: int = 1) -> Seat:
    return Seat(
        rank=rank,
        incarnation=incarnation,
        node=node,
        address=f"127.0.1.{rank}",
        cluster="c2",
        infra="cloud",
        region="north",
        share=Share(cpus=2),
    )


def mended(job: Job, *new: Seat, phase: AllocationPhase = AllocationPhase.GRANTED) -> Decision[Job]:
    """The scheduler tells of new seats; those of the other ranks are as they were."""
    level = allocation(job, phase)
    ranks = {one.rank for one in new}
    seats = sorted((*(one for one in level.seats if one.rank not in ranks), *new), key=lambda one: one.rank)
    return decide.observe_allocation(job, AllocationGranted.of(level.but(seats=tuple(seats))), CTX, sign=sign)


def lacking(job: Job) -> list[tuple[int, int]]:
    demand = job.level.demand
    return [(one.rank, one.incarnation) for one in demand.replacements] if demand is not None else []


def test_a_worker_whose_node_is_gone_waits_for_a_seat_and_the_others_run_on() -> None:
    decision = lose(running(roles=ROLES), 1)
    job = state(decision)
    assert told(decision) == ["replacing"]
    assert goals(decision) == [Goal.FORGET], "only the node that is gone hears of it"
    assert (job.phase, job.attempt) == (JobPhase.RUNNING, 1)
    assert job.reason == "rank 1 waits for another node: node n1 was lost"
    assert [(rank.incarnation, rank.node, rank.phase) for rank in job.level.ranks] == [
        (0, "n0", RankPhase.RUNNING),
        (1, "", RankPhase.WANTED),
        (0, "n2", RankPhase.RUNNING),
    ]


@pytest.mark.parametrize(
    ("recovery", "avoid", "prefer"),
    [
        (Recovery.EAGER_NEXT_REGION, (Region(infra="cloud", region="west"),), ()),
        (Recovery.FAILOVER, (), (Region(infra="cloud", region="west"),)),
    ],
)
def test_it_asks_for_what_it_lacks(
    recovery: Recovery, avoid: tuple[Region, ...], prefer: tuple[Region, ...]
) -> None:
    demand = state(lose(running(roles=ROLES, recovery=recovery, race=2), 1)).level.demand
    assert demand is not None
    assert demand.shapes == (Shape(cpus=2),)
    assert demand.replacements == (Replacement(rank=1, incarnation=1),)
    assert (demand.avoid, demand.prefer, demand.race) == (avoid, prefer, 2)


def test_it_goes_at_once_on_its_new_seat_and_all_hear_of_its_address() -> None:
    decision = mended(state(lose(running(roles=ROLES), 1)), seat(1, node="n9"))
    told_nodes = wants(decision)
    assert {node: want.goal for node, want in told_nodes.items()} == dict.fromkeys(
        ("n0", "n9", "n2"), Goal.GO
    )
    assert told_nodes["n0"].addresses == ("127.0.0.1", "127.0.1.1", "127.0.0.3")
    assert [(one.rank, one.incarnation) for one in told_nodes["n9"].ranks] == [(1, 1)]
    assert told(decision) == ["restated"]
    assert state(decision).level.demand is None
    assert state(decision).reason == "rank 1 starts again on node n9"


def test_it_runs_again_when_the_new_rank_does() -> None:
    job = state(mended(state(lose(running(roles=ROLES), 1)), seat(1, node="n9")))
    assert told(hear(job, (1, RankPhase.PREPARED))) == []
    decision = hear(job, (1, RankPhase.PREPARED), (1, RankPhase.RUNNING))
    assert told(decision) == ["running"]
    assert state(decision).reason == ""


def test_a_notice_stops_that_rank_alone() -> None:
    decision = notice(running(roles=ROLES), 2)
    assert told(decision) == ["replacing"]
    assert {node: (want.goal, want.reclaim_at) for node, want in wants(decision).items()} == {
        "n2": (Goal.STOP, LEAVES_AT)
    }
    assert lacking(state(decision)) == [], "it has not ended yet"
    assert state(decision).reason == "rank 2 is stopped: node n2 is taken away by its infra at 00:02:00 UTC"


@pytest.mark.parametrize(
    ("end", "again"),
    [
        ((RankPhase.STOPPED, 143), True),
        ((RankPhase.STOPPED, 0), True),
        ((RankPhase.EXITED, 1), True),
        ((RankPhase.EXITED, 0), False),
    ],
)
def test_how_a_rank_under_notice_ends(end: tuple[RankPhase, int], again: bool) -> None:
    job = state(notice(running(roles=ROLES), 2))
    phase, code = end
    decision = hear(job, (2, phase, code))
    assert lacking(state(decision)) == ([(2, 1)] if again else [])
    assert goals(decision) == ([Goal.FORGET] if again else [])
    assert state(decision).phase is JobPhase.RUNNING


def test_a_node_that_goes_before_its_time_is_as_good_as_a_stop() -> None:
    job = state(notice(running(roles=ROLES), 2))
    assert lacking(state(lose(job, 2))) == [(2, 1)]


@pytest.mark.parametrize("gone", [(0,), (0, 1)], ids=["the launcher", "both"])
def test_the_loss_of_a_rank_that_the_gang_needs_starts_all_anew(gone: tuple[int, ...]) -> None:
    decision = lose(running(roles=ROLES), *gone)
    assert told(decision) == ["recovering"]
    assert state(decision).reason == "node n0 of rank 0 was lost"


def test_a_gang_that_is_not_yet_complete_starts_anew() -> None:
    job = state(grant(submitted(roles=ROLES)))
    assert told(lose(job, 1)) == ["recovering"]


def test_on_a_named_cluster_the_gang_starts_anew() -> None:
    assert told(lose(running(roles=ROLES, cluster="dev"), 1)) == ["recovering"]


def test_another_loss_while_it_waits() -> None:
    job = state(lose(running(roles=ROLES), 1))
    second = lose(job, 2)
    assert told(second) == ["replacing"]
    assert lacking(state(second)) == [(1, 1), (2, 1)]


def test_losing_the_launcher_while_it_waits_ends_the_attempt() -> None:
    job = state(lose(running(roles=ROLES), 1))
    recovering = lose(job, 0)
    assert told(recovering) == ["recovering"]
    assert set(wants(recovering)) == {"n0", "n2"}
    queued = hear(state(recovering), (2, RankPhase.STOPPED))
    assert told(queued) == ["queued"]
    demand = state(queued).level.demand
    assert demand is not None
    assert (len(demand.shapes), demand.replacements) == (3, ())
    assert {region.region for region in demand.avoid} == {"east", "west"}


def test_cancel_while_it_waits_needs_no_word_of_the_rank_that_is_nowhere() -> None:
    job = state(lose(running(roles=ROLES), 1))
    cancelling = decide.cancel(job, CancelJob(id="j", workspace="w"), CTX, sign=sign)
    assert told(cancelling) == ["cancelling"]
    job = state(cancelling)
    assert mended(job, seat(1, node="n9")) == Decision(), "a seat that comes too late is not taken"
    assert told(hear(job, (0, RankPhase.STOPPED), (2, RankPhase.STOPPED))) == ["cancelled"]


def test_success_waits_for_the_rank_that_lacks_a_seat() -> None:
    job = state(lose(running(roles=ROLES), 1))
    decision = hear(job, (0, RankPhase.EXITED, 0), (2, RankPhase.EXITED, 0))
    assert told(decision) == []
    job = state(mended(state(decision), seat(1, node="n9")))
    assert told(hear(job, (1, RankPhase.RUNNING), (1, RankPhase.EXITED, 0))) == ["succeeded"]


def test_success_does_not_wait_for_a_rank_that_nobody_requires() -> None:
    roles = (LAUNCHER, WORKERS.but(required=False))
    job = state(lose(running(roles=roles), 1))
    finishing = hear(job, (0, RankPhase.EXITED, 0))
    assert told(finishing) == ["finishing"]
    assert told(hear(state(finishing), (2, RankPhase.STOPPED))) == ["succeeded"]


def test_a_new_rank_that_fails_fails_the_job() -> None:
    job = state(mended(state(lose(running(roles=ROLES), 1)), seat(1, node="n9")))
    assert told(hear(job, (1, RankPhase.RUNNING), (1, RankPhase.EXITED, 7))) == ["finishing"]


def test_a_report_of_the_old_incarnation_is_answered_by_stop() -> None:
    before = running(roles=ROLES)
    job = state(lose(before, 1))
    for known in (job, state(mended(job, seat(1, node="n9")))):
        (answer,) = decide.observe_rank(known, said(before, 1, RankPhase.RUNNING), CTX, sign=sign).publish
        assert isinstance(answer, AllocationWant)
        assert (answer.node, answer.goal, answer.ranks) == ("n1", Goal.FORGET, ())
        assert answer.version <= known.version, "the next want for that node must be newer"


def test_the_same_node_may_have_it_again() -> None:
    """It was stopped there, by whomever, and the node lives."""
    before = running(roles=ROLES)
    job = state(hear(before, (1, RankPhase.STOPPED)))
    decision = mended(job, seat(1, node="n1"))
    assert [(one.rank, one.incarnation) for one in wants(decision)["n1"].ranks] == [(1, 1)]
    assert state(decision).version > job.version
    stale = said(before, 1, RankPhase.RUNNING)
    (answer,) = decide.observe_rank(decision.state, stale, CTX, sign=sign).publish
    assert isinstance(answer, AllocationWant)
    assert answer.goal is Goal.GO


def test_the_seat_that_it_has_lost_is_not_taken_again() -> None:
    job = state(hear(running(roles=ROLES), (1, RankPhase.STOPPED)))
    heard = AllocationGranted.of(allocation(job, AllocationPhase.GRANTED))
    decision = decide.observe_allocation(job, heard, CTX, sign=sign)
    assert decision.state is None
    assert told(decision) == ["restated"], "the scheduler does not know yet"


def test_a_new_seat_that_is_lost_before_it_was_heard_of_is_asked_for_anew() -> None:
    job = state(lose(running(roles=ROLES), 1))
    decision = mended(job, seat(1, node="n9").but(gone=True), phase=AllocationPhase.BROKEN)
    assert lacking(state(decision)) == [(1, 2)]
    assert told(decision) == ["restated"]
    assert goals(decision) == []


def test_it_says_again_what_it_lacks_as_long_as_nobody_looks_for_it() -> None:
    job = state(lose(running(roles=ROLES), 1))
    broken = allocation(job, AllocationPhase.BROKEN, gone=(1,))
    assert told(decide.observe_allocation(job, AllocationBroken.of(broken), CTX, sign=sign)) == ["restated"]
    mending = broken.but(phase=AllocationPhase.MENDING)
    assert decide.observe_allocation(job, AllocationMending.of(mending), CTX, sign=sign) == Decision()
    woken = decide.wake(job, LATER, sign=sign)
    assert "restated" in told(woken)
    assert state(woken).wake_at == LATER.now + timedelta(seconds=30)


def test_many_losses_at_once_are_told_in_few_words() -> None:
    roles = (LAUNCHER, WORKERS.but(count=6))
    reason = state(lose(running(roles=roles), 1, 2, 3, 4, 5, 6)).reason
    assert reason.startswith("rank 1 waits for another node: node n1 was lost; rank 2 ")
    assert reason.endswith(", and 3 more")
