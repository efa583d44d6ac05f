"""What follows from where the ranks are: the one rule by which a job moves on.

Start-again safety (design.md §2): a next attempt begins only when every rank of this one has ended, which
its node
said (exited, stopped) or the infra confirmed (gone). Silence is never an end.
"""

from datetime import timedelta

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
from tradewind.jobs_controller.domain.wants import Sign, wants

SOON = timedelta(seconds=30)
"""A job that waits for its nodes to answer asks again after this."""
LATER = timedelta(minutes=10)


def settle(job: Job, ctx: Ctx, *, sign: Sign) -> Decision[Job]:
    """`job` has just evolved: its ranks say something new. Takes it as far as they allow."""
    if job.verdict is not None:
        return conclude(job, ctx, sign=sign) if _all_ended(job) else became(job)
    verdict = _verdict(job)
    if verdict is not None:
        return decide_end(job, verdict, ctx, sign=sign)
    if not job.go and all(rank.phase is RankPhase.PREPARED for rank in job.ranks):
        gone = job.but(go=True)
        return became(gone, *wants(gone, Goal.GO, ctx, sign=sign))
    if job.phase is JobPhase.STARTING and all(_has_started(rank) for rank in job.ranks):
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
    return became(stopping, told, *wants(stopping, Goal.STOP, ctx, sign=sign))


def _recover(job: Job, ctx: Ctx, *, sign: Sign) -> Decision[Job]:
    """It is told also where nothing is left to stop: whoever follows the job sees why it starts anew."""
    recovering = job.but(phase=JobPhase.RECOVERING)
    told = JobRecovering.of(recovering.level)
    if not _all_ended(recovering):
        return became(recovering, told, *wants(recovering, Goal.STOP, ctx, sign=sign))
    again = conclude(recovering.evolve(), ctx, sign=sign)
    return Decision(again.state, (told, *again.publish))


def conclude(job: Job, ctx: Ctx, *, sign: Sign) -> Decision[Job]:
    """Every rank has ended: the job becomes what was decided."""
    forget = wants(job, Goal.FORGET, ctx, sign=sign)
    match job.verdict:
        case Verdict.RETRY | Verdict.RECOVER:
            again = job.but(
                phase=JobPhase.QUEUED,
                attempt=job.attempt + 1,
                restarts=job.restarts + (job.verdict is Verdict.RETRY),
                ranks=(),
                go=False,
                verdict=None,
                exit_code=None,
                wake_at=ctx.now + LATER,
            )
            return became(again, *forget, JobQueued.of(again.level))
        case Verdict.SUCCEED:
            phase, told = JobPhase.SUCCEEDED, JobSucceeded
        case Verdict.CANCEL:
            phase, told = JobPhase.CANCELLED, JobCancelled
        case _:
            phase, told = JobPhase.FAILED, JobFailed
    over = job.but(phase=phase, ended_at=ctx.now, wake_at=None)
    return became(over, *forget, told.of(over.level))


def _verdict(job: Job) -> Verdict | None:
    """What the ranks decide by themselves; None while that is open."""
    if any(rank.phase in {RankPhase.GONE, RankPhase.STOPPED} for rank in job.ranks):
        return Verdict.RECOVER
    if _first_failure(job) is not None:
        return Verdict.RETRY if job.restarts < job.summary.max_restarts else Verdict.FAIL
    if all(rank.phase is RankPhase.EXITED for rank in job.ranks if rank.required):
        return Verdict.SUCCEED
    return None


def _first_failure(job: Job) -> Rank | None:
    """A required rank that failed, or any that could not even be prepared."""
    failed = (rank for rank in job.ranks if rank.phase is RankPhase.EXITED and rank.exit_code != 0)
    return next((rank for rank in failed if rank.required or rank.reason in {"setup", "fetch"}), None)


def _reason(job: Job, verdict: Verdict, failed: Rank | None) -> str:
    if verdict is Verdict.RECOVER:
        lost = next((rank for rank in job.ranks if rank.phase in {RankPhase.GONE, RankPhase.STOPPED}), None)
        return f"node {lost.node} of rank {lost.rank} was lost" if lost is not None else "a node was lost"
    if failed is not None:
        during = f" in {failed.reason}" if failed.reason in {"setup", "fetch"} else ""
        return f"rank {failed.rank} exited with code {failed.exit_code}{during}"
    return ""


def _exit_code(verdict: Verdict, failed: Rank | None) -> int | None:
    if verdict is Verdict.SUCCEED:
        return 0
    return failed.exit_code if failed is not None and verdict in {Verdict.FAIL, Verdict.RETRY} else None


def _all_ended(job: Job) -> bool:
    return all(rank.ended for rank in job.ranks)


def _has_started(rank: Rank) -> bool:
    return rank.phase in {RankPhase.RUNNING, RankPhase.EXITED}
