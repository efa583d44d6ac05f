"""The life of a job, decision by decision."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.jobs_controller.jobs import (
    CTX,
    NOW,
    allocation,
    goals,
    grant,
    hear,
    running,
    said,
    sign,
    state,
    submitted,
    told,
)
from tradewind.common.contracts.allocation import (
    AllocationBroken,
    AllocationGranted,
    AllocationPhase,
    AllocationRevoked,
)
from tradewind.common.contracts.job import (
    CancelJob,
    JobEvent,
    JobPhase,
    RankPhase,
    RoleSummary,
    SubmitJob,
)
from tradewind.common.contracts.rank import AllocationWant, Goal
from tradewind.common.contracts.registry import Message
from tradewind.common.contracts.values import Shape
from tradewind.common.reactor.decision import Ctx, Decision
from tradewind.jobs_controller.domain import decide
from tradewind.jobs_controller.domain.model import Job


def test_a_submission_is_queued_and_says_what_it_needs() -> None:
    job = submitted(2)
    assert job.phase is JobPhase.QUEUED
    assert job.level.demand is not None
    assert len(job.level.demand.shapes) == 2


def test_the_same_submission_again_changes_nothing() -> None:
    job = submitted()
    again = SubmitJob(
        id="j", workspace="w", number=1, user="u", summary=job.summary, spec_ref="s", submitted_at=NOW
    )
    assert decide.submit(job, again, CTX) == Decision()


def test_a_gang_of_one_goes_at_once_a_larger_one_prepares_first() -> None:
    assert goals(grant(submitted(1))) == [Goal.GO]
    assert goals(grant(submitted(3))) == [Goal.PREPARE] * 3


def test_the_barrier_opens_when_the_last_rank_is_prepared() -> None:
    job = state(grant(submitted(2)))
    first = hear(job, (0, RankPhase.PREPARED))
    assert goals(first) == []
    last = hear(state(first), (1, RankPhase.PREPARED))
    assert goals(last) == [Goal.GO, Goal.GO]


def test_it_runs_when_every_rank_has_started() -> None:
    job = state(grant(submitted(2)))
    job = state(hear(job, (0, RankPhase.PREPARED), (1, RankPhase.PREPARED), (0, RankPhase.RUNNING)))
    assert job.phase is JobPhase.STARTING
    assert told(hear(job, (1, RankPhase.RUNNING))) == ["running"]


def test_it_succeeds_when_every_rank_has_exited_with_0_and_its_nodes_forget_it() -> None:
    decision = hear(running(2), (0, RankPhase.EXITED, 0), (1, RankPhase.EXITED, 0))
    assert told(decision) == ["succeeded"]
    assert goals(decision) == [Goal.FORGET, Goal.FORGET]
    assert state(decision).exit_code == 0
    assert state(decision).wake_at is None


def test_a_failing_rank_stops_the_others_before_the_job_fails() -> None:
    failing = hear(running(2), (0, RankPhase.EXITED, 3))
    assert told(failing) == ["finishing"]
    assert goals(failing) == [Goal.STOP, Goal.STOP]
    failed = hear(state(failing), (1, RankPhase.STOPPED))
    assert told(failed) == ["failed"]
    assert state(failed).exit_code == 3


def test_a_failure_with_retries_left_is_queued_again_and_costs_one() -> None:
    decision = hear(running(1, max_restarts=1), (0, RankPhase.EXITED, 1))
    job = state(decision)
    assert (job.phase, job.attempt, job.restarts, job.ranks) == (JobPhase.QUEUED, 2, 1, ())
    assert told(decision) == ["recovering", "queued"]
    assert told(hear(running_again(job), (0, RankPhase.EXITED, 1))) == ["failed"]


def running_again(job: Job) -> Job:
    return state(hear(state(grant(job)), (0, RankPhase.PREPARED), (0, RankPhase.RUNNING)))


def test_a_lost_node_recovers_only_after_the_other_ranks_have_stopped() -> None:
    job = running(2)
    broken = AllocationBroken.of(allocation(job, AllocationPhase.BROKEN, gone=(0,)))
    recovering = decide.observe_allocation(job, broken, CTX, sign=sign)
    assert told(recovering) == ["recovering"]
    assert state(recovering).attempt == 1
    queued = hear(state(recovering), (1, RankPhase.STOPPED))
    assert told(queued) == ["queued"]
    assert (state(queued).attempt, state(queued).restarts) == (2, 0)


def test_a_rank_that_ended_before_its_node_was_lost_counts() -> None:
    job = state(hear(running(2), (0, RankPhase.EXITED, 0)))
    broken = AllocationBroken.of(allocation(job, AllocationPhase.BROKEN, gone=(0,)))
    assert decide.observe_allocation(job, broken, CTX, sign=sign) == Decision()


def test_a_job_is_over_when_its_required_roles_are() -> None:
    roles = (
        RoleSummary(name="launcher", count=1, shape=Shape()),
        RoleSummary(name="worker", count=1, shape=Shape(), required=False),
    )
    job = state(grant(submitted(roles=roles)))
    job = state(
        hear(
            job,
            (0, RankPhase.PREPARED),
            (1, RankPhase.PREPARED),
            (0, RankPhase.RUNNING),
            (1, RankPhase.RUNNING),
        )
    )
    finishing = hear(job, (0, RankPhase.EXITED, 0))
    assert told(finishing) == ["finishing"]
    assert told(hear(state(finishing), (1, RankPhase.EXITED, 143))) == ["succeeded"]


def test_a_job_whose_setup_fails_fails_whatever_its_role() -> None:
    job = state(grant(submitted(1)))
    heard = said(job, 0, RankPhase.EXITED, 9).but(reason="setup")
    failed = decide.observe_rank(job, heard, CTX, sign=sign)
    assert told(failed) == ["failed"]
    assert state(failed).reason == "rank 0 exited with code 9 in setup"


CANCEL = CancelJob(id="j", workspace="w")


def test_cancel_while_queued_is_the_end() -> None:
    decision = decide.cancel(submitted(), CANCEL, CTX, sign=sign)
    assert told(decision) == ["cancelled"]


@pytest.mark.parametrize("ended", [(RankPhase.STOPPED, None), (RankPhase.EXITED, 143), (RankPhase.EXITED, 0)])
def test_cancel_while_running_waits_for_the_stop(ended: tuple[RankPhase, int | None]) -> None:
    cancelling = decide.cancel(running(), CANCEL, CTX, sign=sign)
    assert told(cancelling) == ["cancelling"]
    assert goals(cancelling) == [Goal.STOP]
    over = decide.observe_rank(cancelling.state, said(running(), 0, *ended), CTX, sign=sign)
    assert told(over) == ["cancelled"]


def test_cancel_while_recovering_ends_the_recovery() -> None:
    job = running(2)
    broken = AllocationBroken.of(allocation(job, AllocationPhase.BROKEN, gone=(0,)))
    recovering = state(decide.observe_allocation(job, broken, CTX, sign=sign))
    cancelling = decide.cancel(recovering, CANCEL, CTX, sign=sign)
    assert told(hear(state(cancelling), (1, RankPhase.STOPPED))) == ["cancelled"]


def test_cancel_does_not_change_an_outcome_that_is_decided() -> None:
    finishing = state(hear(running(2), (0, RankPhase.EXITED, 3)))
    assert decide.cancel(finishing, CANCEL, CTX, sign=sign) == Decision()
    failed = state(hear(finishing, (1, RankPhase.STOPPED)))
    assert decide.cancel(failed, CANCEL, CTX, sign=sign) == Decision()


def test_a_revoked_allocation_cancels_the_job() -> None:
    revoked = AllocationRevoked.of(allocation(running(), AllocationPhase.REVOKED).but(reason="taken down"))
    decision = decide.observe_allocation(running(), revoked, CTX, sign=sign)
    assert told(decision) == ["cancelling"]
    assert state(decision).reason == "taken down"


def test_a_grant_for_an_earlier_attempt_is_nothing() -> None:
    job = state(hear(running(1, max_restarts=1), (0, RankPhase.EXITED, 1)))
    old = allocation(job, AllocationPhase.GRANTED).but(attempt=1)
    assert decide.observe_allocation(job, AllocationGranted.of(old), CTX, sign=sign) == Decision()


def test_a_stale_report_of_something_alive_is_answered_by_stop() -> None:
    job = state(hear(running(1, max_restarts=1), (0, RankPhase.EXITED, 1)))
    decision = decide.observe_rank(job, said(job, 0, RankPhase.RUNNING, attempt=1), CTX, sign=sign)
    assert decision.state is None
    assert goals(decision) == [Goal.FORGET]


def test_a_stale_report_from_a_node_of_the_present_attempt_repeats_its_want() -> None:
    job = state(grant(state(hear(running(1, max_restarts=1), (0, RankPhase.EXITED, 1)))))
    decision = decide.observe_rank(job, said(job, 0, RankPhase.RUNNING, attempt=1), CTX, sign=sign)
    (answer,) = decision.publish
    assert isinstance(answer, AllocationWant)
    assert (answer.attempt, answer.goal) == (2, Goal.GO)


def test_what_a_node_says_of_another_nodes_rank_is_nothing() -> None:
    job = running(2)
    lie = said(job, 0, RankPhase.EXITED, 0).but(node="n1")
    decision = decide.observe_rank(job, lie, CTX, sign=sign)
    assert decision.state is None


def test_it_asks_again_when_nobody_called() -> None:
    later = Ctx(now=NOW + timedelta(hours=1), cause="alarm")
    queued = decide.wake(submitted(), later, sign=sign)
    assert [message.name for message in queued.publish] == ["restated", "restate_allocation"]
    starting = decide.wake(state(grant(submitted(2))), later, sign=sign)
    assert goals(starting) == [Goal.PREPARE, Goal.PREPARE]
    assert state(starting).version > state(grant(submitted(2))).version


RANK_PHASES = st.sampled_from(list(RankPhase))
INPUTS = st.one_of(
    st.tuples(
        st.just("rank"), st.integers(0, 2), RANK_PHASES, st.sampled_from([0, 1, 137]), st.integers(1, 3)
    ),
    st.tuples(st.just("granted")),
    st.tuples(st.just("broken"), st.integers(0, 1)),
    st.tuples(st.just("revoked")),
    st.tuples(st.just("cancel")),
    st.tuples(st.just("wake")),
)


@given(st.lists(INPUTS, max_size=30), st.integers(0, 2))
def test_no_order_of_inputs_breaks_a_job(inputs: list[tuple[object, ...]], max_restarts: int) -> None:
    """Decisions are total; terminal is terminal; a living job wakes; the next attempt waits for every
    rank's end.
    """
    job = submitted(2, max_restarts=max_restarts)
    for one in inputs:
        decision = _decide(job, one)
        after = decision.state or job
        if job.terminal:
            assert decision.state is None
        assert after.terminal or after.wake_at is not None
        assert after.version >= job.version
        if after.attempt > job.attempt:
            assert after.attempt == job.attempt + 1
            assert all(
                rank.ended or rank.rank == _rank_in(one) or _is_gone(rank.node, one) for rank in job.ranks
            )
        assert _levels_match(decision.publish, after)
        job = after


def _decide(job: Job, one: tuple[object, ...]) -> Decision[Job]:
    match one:
        case ("rank", int(rank), RankPhase() as phase, int(code), int(attempt)):
            heard = said(job, rank, phase, code if phase is RankPhase.EXITED else None, attempt=attempt)
            return decide.observe_rank(job, heard, CTX, sign=sign)
        case ("granted",):
            return grant(job)
        case ("broken", int(rank)):
            level = allocation(job, AllocationPhase.BROKEN, gone=(rank,))
            return decide.observe_allocation(job, AllocationBroken.of(level), CTX, sign=sign)
        case ("revoked",):
            level = allocation(job, AllocationPhase.REVOKED)
            return decide.observe_allocation(job, AllocationRevoked.of(level), CTX, sign=sign)
        case ("cancel",):
            return decide.cancel(job, CANCEL, CTX, sign=sign)
        case _:
            return Decision() if job.terminal else decide.wake(job, CTX, sign=sign)


def _rank_in(one: tuple[object, ...]) -> object:
    return one[1] if one[0] == "rank" else None


def _is_gone(node: str, one: tuple[object, ...]) -> bool:
    return one[0] == "broken" and node == f"n{one[1]}"


def _levels_match(published: tuple[Message, ...], job: Job) -> bool:
    levels = [message.job for message in published if isinstance(message, JobEvent)]
    return not levels or (
        levels[-1].version == job.version and len({one.version for one in levels}) == len(levels)
    )


def test_a_grant_that_broke_before_it_was_heard_of_is_given_back() -> None:
    """Found by the simulator: the grant's event was lost, then its node; the job waited for the grant for
    ever.
    """
    job = submitted()
    decision = decide.observe_allocation(
        job, AllocationBroken.of(allocation(job, AllocationPhase.BROKEN, gone=(0,))), CTX, sign=sign
    )
    again = state(decision)
    assert (again.phase, again.attempt, again.restarts) == (JobPhase.QUEUED, 2, 0)
    assert [type(message).__name__ for message in decision.publish] == ["JobQueued"]


@pytest.mark.parametrize("ahead", [timedelta(hours=-3), timedelta(hours=3)])
def test_a_job_starts_between_its_submission_and_now_whatever_the_clock_of_its_node(
    ahead: timedelta,
) -> None:
    job = state(grant(submitted()))
    heard = said(job, 0, RankPhase.RUNNING)
    now = NOW + timedelta(minutes=1)
    skewed = heard.model_copy(update={"started_at": now + ahead})
    begun = decide.observe_rank(job, skewed, Ctx(now=now, cause="c"), sign=sign).state
    assert begun is not None
    assert begun.started_at is not None
    assert job.submitted_at <= begun.started_at <= now
