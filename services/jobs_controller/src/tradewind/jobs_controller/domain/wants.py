"""What the nodes of a job shall run: the WANT messages that follow from a job's state."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from tradewind.common.contracts.grant import Grant
from tradewind.common.contracts.rank import AllocationWant, Goal, RankWant
from tradewind.common.reactor.decision import Ctx
from tradewind.jobs_controller.domain.model import Job, Rank, Verdict

GRANT_RUNS = timedelta(days=7)
GRACE = timedelta(seconds=15)
"""Between SIGTERM and SIGKILL, unless the node is gone earlier."""

Sign = Callable[[Grant], str]
"""Signs a grant with the installation's key."""


def wants(job: Job, ctx: Ctx, *, sign: Sign, goal: Goal | None = None) -> tuple[AllocationWant, ...]:
    """One want for each node of the job. `goal`: for all of them, instead of what follows from its state."""
    return tuple(want(job, ctx, node=node, sign=sign, goal=goal) for node in job.nodes)


def changed_wants(before: Job, job: Job, ctx: Ctx, *, sign: Sign) -> Iterator[AllocationWant]:
    """To each node of which something else is wanted than before; one that its rank has left may forget."""
    was, now = _gists(before), _gists(job)
    moved = _addresses(before) != _addresses(job)
    for node, gist in now.items():
        if moved or was.get(node) != gist:
            yield want(job, ctx, node=node, sign=sign)
    for node in was:
        if node not in now:
            yield forget_strays(job.id, node, job.attempt, workspace=job.workspace, version=job.version)


def want(job: Job, ctx: Ctx, *, node: str, sign: Sign, goal: Goal | None = None) -> AllocationWant:
    grant = Grant(
        workspace=job.workspace,
        job=job.id,
        attempt=job.attempt,
        node=node,
        spec_ref=job.spec_ref,
        expires_at=ctx.now + GRANT_RUNS,
    )
    ranks = [rank for rank in job.ranks if rank.node == node]
    reclaim_at = _reclaim_at(job, ranks, job.leaves_at)
    grace = GRACE if reclaim_at is None else min(GRACE, max(reclaim_at - ctx.now, timedelta()))
    return AllocationWant(
        node=node,
        job=job.id,
        workspace=job.workspace,
        attempt=job.attempt,
        version=job.version,
        goal=goal or _goal(job, ranks),
        ranks=tuple(
            RankWant(
                rank=rank.rank,
                incarnation=rank.incarnation,
                role=rank.role,
                role_rank=rank.role_rank,
                share=rank.share,
            )
            for rank in ranks
        ),
        addresses=_addresses(job),
        job_name=job.summary.name,
        job_number=job.number,
        job_index=job.index,
        spec_ref=job.spec_ref,
        grant=sign(grant),
        grace_s=grace.total_seconds(),
        reclaim_at=reclaim_at,
    )


def _gists(job: Job) -> dict[str, tuple[object, ...]]:
    """By node, what its want comes to, but for the addresses, which are the same in all. One pass over the
    ranks: a gang may have a thousand, and each says several things.
    """
    by = job.leaves_at
    there: dict[str, list[Rank]] = {}
    for rank in job.ranks:
        if rank.seated:
            there.setdefault(rank.node, []).append(rank)
    return {
        node: (
            _goal(job, ranks),
            _reclaim_at(job, ranks, by),
            [(rank.rank, rank.incarnation) for rank in ranks],
        )
        for node, ranks in there.items()
    }


def _goal(job: Job, ranks: Sequence[Rank]) -> Goal:
    """How far these ranks, all those of one node, shall go now."""
    if job.verdict is not None or any(rank.leaves_at is not None for rank in ranks):
        return Goal.STOP
    return Goal.GO if job.go else Goal.PREPARE


def _reclaim_at(job: Job, ranks: Sequence[Rank], first: datetime | None) -> datetime | None:
    """By when their work must be saved: all by the `first` time, where the whole gang is started again."""
    if job.verdict is Verdict.RECOVER:
        return first
    if job.verdict is not None:
        return None
    return min((rank.leaves_at for rank in ranks if rank.leaves_at is not None), default=None)


def _addresses(job: Job) -> tuple[str, ...]:
    """Of a rank that waits for a seat, the one it had: there is always one a rank."""
    return tuple(rank.address for rank in job.ranks)


def forget_strays(job_id: str, node: str, attempt: int, *, workspace: str, version: int) -> AllocationWant:
    """To a node that may hold ranks which are not its any more: end them. It may fetch nothing."""
    return AllocationWant(
        node=node,
        job=job_id,
        workspace=workspace,
        attempt=attempt,
        version=version,
        goal=Goal.FORGET,
        ranks=(),
        addresses=(),
        job_name="",
        job_number=0,
        spec_ref="",
        grant="",
    )
