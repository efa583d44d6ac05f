"""Bugs of the jobs controller: attempts, fences, barriers, outcomes."""

from typing import Any

import pytest

from bench.mutants import agents
from bench.mutants.mutant import Mutant
from tradewind.common.contracts.job import JobPhase, RankPhase
from tradewind.common.contracts.rank import AllocationWant, Goal
from tradewind.common.reactor.decision import Decision
from tradewind.jobs_controller.domain import decide, settle, workflow
from tradewind.jobs_controller.domain.model import Job, Rank, Verdict


def next_attempt_before_the_last_has_ended(patch: pytest.MonkeyPatch) -> None:
    """A job is started again without waiting for the end of its old ranks."""
    patch.setattr(settle, "_all_ended", lambda job: True)


def reports_without_a_fence(patch: pytest.MonkeyPatch) -> None:
    """What a node says of a rank is believed, whichever attempt it speaks of."""

    def whichever(job: Job | None, heard: Any) -> Rank | None:
        if job is None or heard.fence.rank >= len(job.ranks):
            return None
        return job.ranks[heard.fence.rank]

    patch.setattr(decide, "_rank_of", whichever)


def strays_are_not_answered(patch: pytest.MonkeyPatch) -> None:
    """A node that runs what is long over is not told to stop. It would refuse a late copy of an old want,
    and so have nothing to run: here it forgets at once what is over."""
    agents.what_is_over_starts_again(patch)
    patch.setattr(decide, "_answer_stray", lambda job, heard, ctx, *, sign: Decision())


def go_before_all_are_prepared(patch: pytest.MonkeyPatch) -> None:
    """The gang's barrier is always open."""
    start = decide._start

    def at_once(job: Job, seats: Any, ctx: Any, *, sign: Any) -> Any:
        patched = start(job, seats, ctx, sign=sign)
        told = tuple(
            one.but(goal=Goal.GO) if isinstance(one, AllocationWant) else one for one in patched.publish
        )
        return Decision(patched.state, told, patched.do)

    patch.setattr(decide, "_start", at_once)


def losses_count_as_failures(patch: pytest.MonkeyPatch) -> None:
    """A lost node costs a retry, and fails a job that has none left."""
    judge = settle._verdict

    def strict(job: Job) -> Verdict | None:
        verdict = judge(job)
        if verdict is Verdict.RECOVER:
            return Verdict.RETRY if job.restarts < job.summary.max_restarts else Verdict.FAIL
        return verdict

    patch.setattr(settle, "_verdict", strict)


def one_retry_too_many(patch: pytest.MonkeyPatch) -> None:
    """A job may fail once more than it was allowed to."""
    judge = settle._verdict

    def lenient(job: Job) -> Verdict | None:
        verdict = judge(job)
        return (
            Verdict.RETRY if verdict is Verdict.FAIL and job.restarts <= job.summary.max_restarts else verdict
        )

    patch.setattr(settle, "_verdict", lenient)


def a_helper_decides_the_outcome(patch: pytest.MonkeyPatch) -> None:
    """A rank that is not required, and succeeds, ends the job."""
    judge = settle._verdict

    def hasty(job: Job) -> Verdict | None:
        exited = any(rank.phase is RankPhase.EXITED and rank.exit_code == 0 for rank in job.ranks)
        return judge(job) or (Verdict.SUCCEED if exited else None)

    patch.setattr(settle, "_verdict", hasty)


def a_cancelled_job_takes_its_grant(patch: pytest.MonkeyPatch) -> None:
    """A job that was cancelled while it waited starts when its nodes come."""
    observe = decide.observe_allocation

    def again(job: Job | None, heard: Any, ctx: Any, *, sign: Any) -> Any:
        if job is not None and job.phase is JobPhase.CANCELLED and not job.ranks:
            job = job.but(phase=JobPhase.QUEUED)
        return observe(job, heard, ctx, sign=sign)

    patch.setattr(decide, "observe_allocation", again)


def a_cancel_comes_too_late(patch: pytest.MonkeyPatch) -> None:
    """A job that has left the queue is not ended by a cancel: it goes on as if nobody had asked."""
    cancel = decide.cancel

    def deaf(job: Job | None, heard: Any, ctx: Any, *, sign: Any) -> Any:
        if job is not None and job.phase is not JobPhase.QUEUED:
            return Decision()
        return cancel(job, heard, ctx, sign=sign)

    patch.setattr(decide, "cancel", deaf)


def a_submission_again_starts_anew(patch: pytest.MonkeyPatch) -> None:
    """The same submission, delivered twice, begins the job from the beginning."""
    submit = decide.submit

    def anew(job: Job | None, heard: Any, ctx: Any) -> Any:
        decided = submit(None, heard, ctx)
        if job is None or decided.state is None:
            return decided
        state = decided.state.but(version=job.version + 1)
        return Decision(state, (decide.JobQueued.of(state.level),))

    patch.setattr(decide, "submit", anew)


def losses_are_not_heard(patch: pytest.MonkeyPatch) -> None:
    """A job does not mind that the node under it is gone."""
    observe = decide.observe_allocation

    def deaf(job: Job | None, heard: Any, ctx: Any, *, sign: Any) -> Any:
        broken = heard.allocation.phase is decide.AllocationPhase.BROKEN
        return Decision() if broken else observe(job, heard, ctx, sign=sign)

    patch.setattr(decide, "observe_allocation", deaf)


def a_waking_job_asks_nobody(patch: pytest.MonkeyPatch) -> None:
    """A job that waits for an answer does not ask again, nor says again what it wants."""
    patch.setattr(
        decide, "wake", lambda job, ctx, *, sign: Decision(job.evolve(wake_at=ctx.now + decide.LATER))
    )


def an_array_forgets_a_chunk(patch: pytest.MonkeyPatch) -> None:
    """The last job of an array is never submitted."""
    expand = workflow._expand

    def short(row: Any, ctx: Any) -> Any:
        decided = expand(row, ctx)
        submissions = [one for one in decided.publish if isinstance(one, workflow.SubmitJob)]
        return Decision(decided.state, tuple(one for one in decided.publish if one is not submissions[-1]))

    patch.setattr(workflow, "_expand", short)


MUTANTS = (
    Mutant(next_attempt_before_the_last_has_ended),
    Mutant(reports_without_a_fence),
    Mutant(strays_are_not_answered, faults=agents.LATE_WANTS),
    Mutant(go_before_all_are_prepared),
    Mutant(losses_count_as_failures),
    Mutant(one_retry_too_many),
    Mutant(a_helper_decides_the_outcome),
    Mutant(a_cancelled_job_takes_its_grant),
    Mutant(a_cancel_comes_too_late, faults="none"),
    Mutant(a_submission_again_starts_anew),
    Mutant(losses_are_not_heard),
    Mutant(a_waking_job_asks_nobody),
    Mutant(an_array_forgets_a_chunk),
)
