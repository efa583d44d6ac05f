"""What the nodes of a job shall run: the WANT messages that follow from a job's state."""

from collections.abc import Callable
from datetime import timedelta

from tradewind.common.contracts.grant import Grant
from tradewind.common.contracts.rank import AllocationWant, Goal, RankWant
from tradewind.common.reactor.decision import Ctx
from tradewind.jobs_controller.domain.model import Job

GRANT_RUNS = timedelta(days=7)

Sign = Callable[[Grant], str]
"""Signs a grant with the installation's key."""


def wants(job: Job, goal: Goal, ctx: Ctx, *, sign: Sign) -> tuple[AllocationWant, ...]:
    """One want for each node of the job."""
    return tuple(want(job, goal, ctx, node=node, sign=sign) for node in job.nodes)


def present_goal(job: Job) -> Goal:
    """How far the ranks of the present attempt shall go now."""
    if job.verdict is not None:
        return Goal.STOP
    return Goal.GO if job.go else Goal.PREPARE


def want(job: Job, goal: Goal, ctx: Ctx, *, node: str, sign: Sign) -> AllocationWant:
    grant = Grant(
        workspace=job.workspace,
        job=job.id,
        attempt=job.attempt,
        node=node,
        spec_ref=job.spec_ref,
        expires_at=ctx.now + GRANT_RUNS,
    )
    return AllocationWant(
        node=node,
        job=job.id,
        workspace=job.workspace,
        attempt=job.attempt,
        version=job.version,
        goal=goal,
        ranks=tuple(
            RankWant(
                rank=rank.rank,
                incarnation=rank.incarnation,
                role=rank.role,
                role_rank=rank.role_rank,
                share=rank.share,
            )
            for rank in job.ranks
            if rank.node == node
        ),
        addresses=tuple(rank.address for rank in job.ranks),
        job_name=job.summary.name,
        job_number=job.number,
        job_index=job.index,
        spec_ref=job.spec_ref,
        grant=sign(grant),
    )


def forget_strays(job_id: str, node: str, attempt: int, *, workspace: str, version: int) -> AllocationWant:
    """To a node that runs ranks of an attempt that is over: end them. It may fetch nothing."""
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
