"""What the seats that the scheduler tells of mean to the ranks on them; and how a gang that runs goes on
while some of its ranks are started again alone.

Start-again safety (design.md §2): a rank gets its next incarnation only once it has ended, which its node
said (stopped, exited) or the infra confirmed (gone).
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta

from tradewind.common.contracts.allocation import Seat
from tradewind.common.contracts.job import (
    JobEvent,
    JobReplacing,
    JobRestated,
    JobRunning,
    RankPhase,
    RoleSummary,
)
from tradewind.common.contracts.values import Region
from tradewind.common.reactor.decision import Ctx, Decision, became
from tradewind.jobs_controller.domain.model import Job, Rank
from tradewind.jobs_controller.domain.wants import Sign, changed_wants

SOON = timedelta(seconds=30)
"""A job that waits for somebody's answer asks again after this."""
LATER = timedelta(minutes=10)

TOLD_ONE_BY_ONE = 3


def seated(job: Job, seats: tuple[Seat, ...]) -> tuple[Rank, ...]:
    """A rank on each seat of a new attempt."""
    places = [(role, role_rank) for role in job.summary.roles for role_rank in range(role.count)]
    return tuple(_on(seat, role, role_rank) for seat, (role, role_rank) in zip(seats, places, strict=True))


def _on(seat: Seat, role: RoleSummary, role_rank: int) -> Rank:
    return Rank(
        rank=seat.rank,
        role=role.name,
        role_rank=role_rank,
        required=role.required,
        on_loss=role.on_loss,
        node=seat.node,
        address=seat.address,
        infra=seat.infra,
        region=seat.region,
        share=seat.share,
    )


def heeding(job: Job, seats: Iterable[Seat]) -> tuple[Rank, ...]:
    """The ranks, as their seats now are: some nodes are gone or leave, and who lacks a seat may have one."""
    ranks = list(job.ranks)
    waiting = {rank.rank for rank in job.lacking}
    for seat in seats:
        heed = _sit if seat.rank in waiting else _noting
        ranks[seat.rank] = heed(ranks[seat.rank], seat)
    return tuple(ranks)


def _sit(rank: Rank, seat: Seat) -> Rank:
    if seat.incarnation != rank.incarnation:
        return rank
    if not seat.stays:
        return rank.but(incarnation=rank.incarnation + 1)  # it was never put there, and asks for another
    return rank.but(
        node=seat.node, address=seat.address, infra=seat.infra, region=seat.region, share=seat.share
    )


def _noting(rank: Rank, seat: Seat) -> Rank:
    if rank.node != seat.node or rank.ended:
        return rank
    if seat.gone:
        return rank.but(phase=RankPhase.GONE)
    return rank.but(leaves_at=seat.leaves_at)


def regions_lost(lost: Iterable[Rank | Seat]) -> tuple[Region, ...]:
    return tuple(dict.fromkeys(Region(infra=one.infra, region=one.region) for one in lost))


def mend(before: Job, job: Job, ctx: Ctx, *, sign: Sign) -> Decision[Job]:
    """`job` runs, and has just evolved. A rank that was taken away and has ended waits for its next seat; one
    that is about to be is stopped; the others run on.
    """
    if before.whole and job.whole:
        return became(job)
    ranks = tuple(_unseated(rank) if rank.lost and rank.ended else rank for rank in job.ranks)
    mended = job.but(ranks=ranks)
    mended = mended.but(
        reason=_why_not_whole(before, mended), wake_at=ctx.now + (LATER if mended.whole else SOON)
    )
    return became(mended, *_told(before, mended), *changed_wants(before, mended, ctx, sign=sign))


def _unseated(rank: Rank) -> Rank:
    return rank.but(
        incarnation=rank.incarnation + 1,
        node="",
        leaves_at=None,
        phase=RankPhase.WANTED,
        exit_code=None,
        reason="",
    )


def _told(before: Job, job: Job) -> Iterator[JobEvent]:
    if any(_taken(before, job)):
        yield JobReplacing.of(job.level)
    elif job.whole and not before.whole:
        yield JobRunning.of(job.level)
    elif (job.nodes, job.demand) != (before.nodes, before.demand):
        yield JobRestated.of(job.level)


def _why_not_whole(before: Job, job: Job) -> str:
    if job.whole:
        return ""
    news = list(_taken(before, job)) or list(_given(before, job))
    more = f", and {len(news) - TOLD_ONE_BY_ONE} more" if len(news) > TOLD_ONE_BY_ONE else ""
    return "; ".join(news[:TOLD_ONE_BY_ONE]) + more if news else job.reason


def _taken(before: Job, job: Job) -> Iterator[str]:
    """What has just been taken from it, in words."""
    for had, has in zip(before.ranks, job.ranks, strict=True):
        if has.leaves_at is not None and has.leaves_at != had.leaves_at:
            yield f"rank {has.rank} is stopped: {has.why_lost}"
        elif had.seated and not has.seated:
            why = "its node is taken away" if had.leaves_at is not None else f"node {had.node} was lost"
            yield f"rank {has.rank} waits for another node: {why}"


def _given(before: Job, job: Job) -> Iterator[str]:
    for had, has in zip(before.ranks, job.ranks, strict=True):
        if has.seated and not had.seated:
            yield f"rank {has.rank} starts again on node {has.node}"
