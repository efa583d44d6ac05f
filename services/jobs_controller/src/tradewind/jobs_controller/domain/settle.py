"""What follows from where the ranks are: the one rule by which a job moves on.

Start-again safety (design.md §2): a next attempt begins only when every rank of this one has ended, which
its node
said (exited, stopped) or the infra confirmed (gone). Silence is never an end.
"""

from tradewind.common.contracts.job import (
    JobCancelled,
    JobCancelling,
    JobFailed,
    JobFinishing,
    JobPhase,
    JobQueued,
    JobRecovering,
    JobRunning,
    JobSucceeded,
    RankPhase,
)
from tradewind.common.contracts.rank import Goal
from tradewind.common.reactor.decision import Ctx, Decision, became
from tradewind.jobs_controller.domain.model import Job, Rank, Verdict
from tradewind.jobs_controller.domain.seats import LATER, SOON, mend, regions_lost
from tradewind.jobs_controller.domain.wants import Sign, changed_wants, wants


def settle(before: Job, job: Job, ctx: Ctx, *, sign: Sign) -> Decision[Job]:
    """`job` has just evolved from `before`: its ranks say something new. Takes it as far as they allow."""
    if job.verdict is not None:
        if _all_ended(job):
            return conclude(job, ctx, sign=sign)
        return became(job, *changed_wants(before, job, ctx, sign=sign))
    verdict = _verdict(job)
    if verdict is not None:
        return decide_end(job, verdict, ctx, sign=sign)
    if not job.go and all(rank.phase is RankPhase.PREPARED for rank in job.ranks):
        gone = job.but(go=True)
        return became(gone, *wants(gone, ctx, sign=sign))
    if job.phase is JobPhase.RUNNING:
        return mend(before, job, ctx, sign=sign)
    if job.whole:
        running = job.but(phase=JobPhase.RUNNING, reason="", wake_at=ctx.now + LATER)
        return became(running, JobRunning.of(running.level))
    return became(job)


def decide_end(job: Job, verdict: Verdict, ctx: Ctx, *, sign: Sign, reason: str = "") -> Decision[Job]:
    """The outcome is decided; what still runs is stopped, and only then the job moves on."""
    failed = _first_failure(job)
    judged = job.but(
        verdict=verdict,
        reason=reason or _reason(job, verdict, failed),
        exit_code=_exit_code(verdict, failed),
        wake_at=ctx.now + SOON,
    )
    if verdict in {Verdict.RETRY, Verdict.RECOVER}:
        return _recover(judged, ctx, sign=sign)
    if _all_ended(judged):
        return conclude(judged, ctx, sign=sign)
    match verdict:
        case Verdict.CANCEL:
            stopping = judged.but(phase=JobPhase.CANCELLING)
            told = JobCancelling.of(stopping.level)
        case _:
            stopping = judged.but(phase=JobPhase.FINISHING)
            told = JobFinishing.of(stopping.level)
    return became(stopping, told, *wants(stopping, ctx, sign=sign))


def _recover(job: Job, ctx: Ctx, *, sign: Sign) -> Decision[Job]:
    """It is told also where nothing is left to stop: whoever follows the job sees why it starts anew."""
    recovering = job.but(phase=JobPhase.RECOVERING)
    told = JobRecovering.of(recovering.level)
    if not _all_ended(recovering):
        return became(recovering, told, *wants(recovering, ctx, sign=sign))
    again = conclude(recovering.evolve(), ctx, sign=sign)
    return Decision(again.state, (told, *again.publish))


def conclude(job: Job, ctx: Ctx, *, sign: Sign) -> Decision[Job]:
    """Every rank has ended: the job becomes what was decided."""
    forget = wants(job, ctx, sign=sign, goal=Goal.FORGET)
    verdict = _outcome(job)
    match verdict:
        case Verdict.RETRY | Verdict.RECOVER:
            lost = (rank for rank in job.ranks if _is_taken(rank)) if verdict is Verdict.RECOVER else ()
            again = job.but(
                phase=JobPhase.QUEUED,
                attempt=job.attempt + 1,
                restarts=job.restarts + (verdict is Verdict.RETRY),
                ranks=(),
                go=False,
                verdict=None,
                lost_in=regions_lost(lost),
                exit_code=None,
                wake_at=ctx.now + LATER,
            )
            return became(again, *forget, JobQueued.of(again.level))
        case Verdict.SUCCEED:
            over, told = job.but(phase=JobPhase.SUCCEEDED, reason="", exit_code=0), JobSucceeded
        case Verdict.CANCEL:
            over, told = job.but(phase=JobPhase.CANCELLED), JobCancelled
        case _:
            over, told = job.but(phase=JobPhase.FAILED), JobFailed
    over = over.but(ended_at=ctx.now, wake_at=None)
    return became(over, *forget, told.of(over.level))


def _outcome(job: Job) -> Verdict | None:
    """What was decided; but a gang that has done its work before its stop reached it is through."""
    if job.verdict is Verdict.RECOVER and all(rank.done for rank in job.ranks if rank.required):
        return Verdict.SUCCEED
    return job.verdict


def _is_taken(rank: Rank) -> bool:
    """Whether it was its node that failed it, or one that it had before."""
    return rank.phase is RankPhase.GONE or rank.leaves_at is not None or not rank.seated


def _verdict(job: Job) -> Verdict | None:
    """What the ranks decide by themselves; None while that is open."""
    if _first_lost(job) is not None:
        return Verdict.RECOVER
    if _first_failure(job) is not None:
        return Verdict.RETRY if job.restarts < job.summary.max_restarts else Verdict.FAIL
    if all(rank.done for rank in job.ranks if rank.required):
        return Verdict.SUCCEED
    return None


def _first_lost(job: Job) -> Rank | None:
    """A rank without which the whole gang starts anew."""
    return next((rank for rank in job.ranks if rank.lost and not job.replaces(rank)), None)


def _first_failure(job: Job) -> Rank | None:
    """A required rank that failed, or any that could not even be prepared."""
    failed = (
        rank for rank in job.ranks if rank.phase is RankPhase.EXITED and not rank.done and not rank.lost
    )
    return next((rank for rank in failed if rank.required or rank.reason in {"setup", "fetch"}), None)


def _reason(job: Job, verdict: Verdict, failed: Rank | None) -> str:
    if verdict is Verdict.RECOVER:
        lost = _first_lost(job)
        return lost.why_lost if lost is not None else ""
    if failed is not None:
        during = f" in {failed.reason}" if failed.reason in {"setup", "fetch"} else ""
        return f"rank {failed.rank} exited with code {failed.exit_code}{during}"
    return ""


def _exit_code(verdict: Verdict, failed: Rank | None) -> int | None:
    if verdict is Verdict.SUCCEED:
        return 0
    return failed.exit_code if failed is not None and verdict in {Verdict.FAIL, Verdict.RETRY} else None


def _all_ended(job: Job) -> bool:
    return all(rank.ended or not rank.seated for rank in job.ranks)
