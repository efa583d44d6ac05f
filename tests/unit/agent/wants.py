"""Wants as the jobs controller writes them."""

from tradewind.common.contracts.rank import AllocationWant, Goal, RankWant
from tradewind.common.contracts.values import Fence, Share

NODE = "n1"
JOB = "job-1"


def want(
    goal: Goal = Goal.PREPARE,
    *,
    version: int = 1,
    attempt: int = 1,
    ranks: tuple[tuple[int, int], ...] = ((0, 0),),
    job: str = JOB,
    **changes: object,
) -> AllocationWant:
    """`ranks` has (rank, incarnation) pairs."""
    made = AllocationWant(
        node=NODE,
        job=job,
        workspace="default",
        attempt=attempt,
        version=version,
        goal=goal,
        ranks=tuple(
            RankWant(rank=rank, incarnation=incarnation, role="main", role_rank=rank, share=Share(cpus=1))
            for rank, incarnation in ranks
        ),
        addresses=tuple(f"127.0.1.{rank + 1}" for rank, _ in ranks),
        job_name="train",
        job_number=7,
        spec_ref="spec-1",
        grant="signed",
        grace_s=5.0,
    )
    return made.but(**changes)


def fence(rank: int = 0, *, attempt: int = 1, incarnation: int = 0, job: str = JOB) -> Fence:
    return Fence(job=job, attempt=attempt, rank=rank, incarnation=incarnation)
