"""What the nodes of a job shall run: the WANT messages that follow from a job's state."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from tradewind.common.contracts.grant import Grant
from tradewind.common.contracts.rank import AllocationWant, Goal, RankWant
from tradewind.common.reactor.decision import Ctx
from tradewind.jobs_controller.domain.model import Job, Verdict

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
    for node in job.nodes:
        if _gist(job, node) != _gist(before, node):
            yield want(job, ctx, node=node, sign=sign)
    for node in before.nodes:
        if node not in job.nodes:
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
    reclaim_at = _reclaim_at(job, node)
    grace = GRACE if reclaim_at is None else min(GRACE, max(reclaim_at - ctx.now, timedelta()))
    return AllocationWant(
        node=node,
        job=job.id,
        workspace=job.workspace,
        attempt=job.attempt,
        version=job.version,
        goal=goal or _goal(job, node),
        ranks=_ranks(job, node),
        addresses=_addresses(job),
        job_name=job.summary.name,
        job_number=job.number,
        job_index=job.index,
        spec_ref=job.spec_ref,
        grant=sign(grant),
        grace_s=grace.total_seconds(),
        reclaim_at=reclaim_at,
    )


def _gist(job: Job, node: str) -> tuple[object, ...]:
    """What a want tells a node to do."""
    return _goal(job, node), _ranks(job, node), _addresses(job), _reclaim_at(job, node)


def _goal(job: Job, node: str) -> Goal:
    """How far the ranks of the present attempt shall go there now."""
    if job.verdict is not None or any(rank.node == node and rank.leaves_at for rank in job.ranks):
        return Goal.STOP
    return Goal.GO if job.go else Goal.PREPARE


def _reclaim_at(job: Job, node: str) -> datetime | None:
    """By when the work must be saved there: of the whole gang, where all of it is started again elsewhere."""
    if job.verdict not in {None, Verdict.RECOVER}:
        return None
    leaving = (rank for rank in job.ranks if job.verdict is Verdict.RECOVER or rank.node == node)
    return min((rank.leaves_at for rank in leaving if rank.leaves_at is not None), default=None)


def _ranks(job: Job, node: str) -> tuple[RankWant, ...]:
    return tuple(
        RankWant(
            rank=rank.rank,
            incarnation=rank.incarnation,
            role=rank.role,
            role_rank=rank.role_rank,
            share=rank.share,
        )
        for rank in job.ranks
        if rank.node == node
    )


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
