"""What a job does about each input. The gang's way through them is in `settle`."""

from datetime import datetime

from tradewind.common.contracts.allocation import (
    AllocationEvent,
    AllocationLevel,
    AllocationPhase,
    RestateAllocation,
)
from tradewind.common.contracts.job import (
    CancelJob,
    JobCancelled,
    JobPhase,
    JobQueued,
    JobRestated,
    JobStarting,
    RankPhase,
    RestateJob,
    SubmitJob,
)
from tradewind.common.contracts.rank import RankSaid
from tradewind.common.reactor.decision import Ctx, Decision, became
from tradewind.jobs_controller.domain.model import Job, Rank, Verdict
from tradewind.jobs_controller.domain.seats import LATER, SOON, heeding, regions_lost, seated
from tradewind.jobs_controller.domain.settle import decide_end, settle
from tradewind.jobs_controller.domain.wants import Sign, forget_strays, want, wants

_ORDER = {RankPhase.WANTED: 0, RankPhase.PREPARED: 1, RankPhase.RUNNING: 2}
"""How far a rank has come; every ended phase is further than these."""


def submit(job: Job | None, heard: SubmitJob, ctx: Ctx) -> Decision[Job]:
    """A job comes to be, and waits for nodes. The same submission again changes nothing."""
    if job is not None:
        return Decision()
    queued = Job(
        id=heard.id,
        workspace=heard.workspace,
        version=1,
        number=heard.number,
        index=heard.index,
        workflow=heard.workflow,
        user=heard.user,
        summary=heard.summary,
        spec_ref=heard.spec_ref,
        phase=JobPhase.QUEUED,
        submitted_at=heard.submitted_at,
        wake_at=ctx.now + LATER,
        correlation=heard.id,
    )
    return became(queued, JobQueued.of(queued.level))


def cancel(job: Job | None, heard: CancelJob, ctx: Ctx, *, sign: Sign) -> Decision[Job]:
    """End it at whatever stage it is; an outcome that is decided already stands."""
    if job is None or job.terminal or job.verdict in {Verdict.SUCCEED, Verdict.FAIL, Verdict.CANCEL}:
        return Decision()
    return _end(job.evolve(), heard.reason, ctx, sign=sign)


def _end(job: Job, reason: str, ctx: Ctx, *, sign: Sign) -> Decision[Job]:
    if job.phase is JobPhase.QUEUED:
        over = job.but(phase=JobPhase.CANCELLED, reason=reason, ended_at=ctx.now, wake_at=None)
        return became(over, JobCancelled.of(over.level))
    return decide_end(job, Verdict.CANCEL, ctx, sign=sign, reason=reason)


def observe_allocation(job: Job | None, heard: AllocationEvent, ctx: Ctx, *, sign: Sign) -> Decision[Job]:
    """The scheduler says what this job has been given, or has lost or will lose."""
    allocation = heard.allocation
    if job is None or job.terminal or allocation.attempt != job.attempt:
        return Decision()
    if allocation.phase is AllocationPhase.REVOKED and job.verdict is None:
        return _end(job.evolve(), allocation.reason, ctx, sign=sign)
    if job.phase is JobPhase.QUEUED:
        return _observe_while_queued(job, allocation, ctx, sign=sign)
    ranks = heeding(job, allocation.seats)
    if ranks != job.ranks:
        return settle(job, job.evolve(ranks=ranks), ctx, sign=sign)
    if job.lacking and allocation.phase is not AllocationPhase.MENDING:
        return Decision(publish=(JobRestated.of(job.level),))  # what it lacks was not heard
    return Decision()


def _observe_while_queued(job: Job, allocation: AllocationLevel, ctx: Ctx, *, sign: Sign) -> Decision[Job]:
    lost = [seat for seat in allocation.seats if not seat.stays]
    if lost:
        # The grant went by unheard, so nothing of this attempt was ever started: on to the next one.
        again = job.evolve(
            attempt=job.attempt + 1, reason="", lost_in=regions_lost(lost), wake_at=ctx.now + LATER
        )
        return became(again, JobQueued.of(again.level))
    match allocation.phase:
        case AllocationPhase.GRANTED:
            return _start(job, allocation, ctx, sign=sign)
        case AllocationPhase.WAITING if allocation.reason != job.reason:
            waiting = job.evolve(reason=allocation.reason)
            return became(waiting, JobRestated.of(waiting.level))
        case _:
            return Decision()


def _start(job: Job, allocation: AllocationLevel, ctx: Ctx, *, sign: Sign) -> Decision[Job]:
    """Put a rank on each seat. A gang of one needs no barrier: it goes as soon as it is prepared."""
    ranks = seated(job, allocation.seats)
    starting = job.evolve(
        phase=JobPhase.STARTING, reason="", ranks=ranks, go=len(ranks) == 1, wake_at=ctx.now + SOON
    )
    return became(starting, JobStarting.of(starting.level), *wants(starting, ctx, sign=sign))


def observe_rank(job: Job | None, heard: RankSaid, ctx: Ctx, *, sign: Sign) -> Decision[Job]:
    """A node says how far a rank is. Only the present attempt's word is a transition."""
    rank = _rank_of(job, heard)
    if job is None or rank is None or job.terminal:
        return _answer_stray(job, heard, ctx, sign=sign)
    if rank.ended or _how_far(heard.phase) <= _how_far(rank.phase):
        return Decision()
    told = rank.but(phase=heard.phase, exit_code=heard.exit_code, reason=heard.reason)
    ranks = tuple(told if one.rank == told.rank else one for one in job.ranks)
    started_at = job.started_at or _by_our_clock(heard.started_at, job, ctx)
    return settle(job, job.evolve(ranks=ranks, started_at=started_at), ctx, sign=sign)


def _by_our_clock(at: datetime | None, job: Job, ctx: Ctx) -> datetime | None:
    """A node's clock may be minutes off; nothing starts before its submission, or in the future."""
    return None if at is None else min(max(at, job.submitted_at), ctx.now)


def _rank_of(job: Job | None, heard: RankSaid) -> Rank | None:
    """The rank whose fence the report bears; None if that is not (or no longer) one of this job's."""
    fence = heard.fence
    if job is None or fence.attempt != job.attempt or fence.rank >= len(job.ranks):
        return None
    rank = job.ranks[fence.rank]
    return rank if rank.incarnation == fence.incarnation and rank.node == heard.node else None


def _how_far(phase: RankPhase) -> int:
    return _ORDER.get(phase, len(_ORDER))


def _answer_stray(job: Job | None, heard: RankSaid, ctx: Ctx, *, sign: Sign) -> Decision[Job]:
    """A report under an old fence is evidence that something still runs: answer "stop".

    Where the present attempt has ranks on that node, its own want says so already (a node ends what belongs
    to lower attempts or incarnations), and must stay the last value of its subject.
    """
    if _how_far(heard.phase) == len(_ORDER):
        return Decision()
    fence = heard.fence
    if job is None:
        return Decision(
            publish=(forget_strays(fence.job, heard.node, fence.attempt, workspace="", version=1),)
        )
    if not job.terminal and heard.node in job.nodes:
        return Decision(publish=(want(job, ctx, node=heard.node, sign=sign),))
    # Not above the job's own version: this node may be given its next rank under the next one.
    stop = forget_strays(job.id, heard.node, fence.attempt, workspace=job.workspace, version=job.version)
    return Decision(publish=(stop,))


def restate(job: Job | None, heard: RestateJob, ctx: Ctx) -> Decision[Job]:
    """Somebody missed what this job is."""
    return Decision(publish=(JobRestated.of(job.level),)) if job is not None else Decision()


def wake(job: Job, ctx: Ctx, *, sign: Sign) -> Decision[Job]:
    """Nobody called: say again what is still needed, and ask those who should have answered."""
    ask = RestateAllocation(id=job.id, workspace=job.workspace)
    if job.phase is JobPhase.QUEUED:
        return Decision(publish=(JobRestated.of(job.level), ask))
    at_ease = job.phase is JobPhase.RUNNING and job.whole
    again = job.evolve(wake_at=ctx.now + (LATER if at_ease else SOON))
    lacks = (JobRestated.of(again.level),) if again.lacking else ()
    return became(again, *lacks, *wants(again, ctx, sign=sign), ask)
