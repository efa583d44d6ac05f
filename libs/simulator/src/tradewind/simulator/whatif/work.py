"""How far the work of each job has come, what of it is safe, and what was lost."""

from collections.abc import Callable
from dataclasses import dataclass, field

from tradewind.common.contracts.values import Fence
from tradewind.simulator.machine import Part, Process, Script
from tradewind.simulator.whatif.workload import Submission


@dataclass(slots=True)
class RankWork:
    """One rank's part. Seconds of work; the ranks of a gang work side by side."""

    safe_s: float = 0.0
    """Done, and kept whatever happens."""
    began_at: float | None = None
    """When its present process began."""
    lost_s: float = 0.0


@dataclass(slots=True)
class JobWork:
    submission: Submission
    ranks: dict[int, RankWork] = field(default_factory=dict[int, RankWork])
    failures: int = 0
    """Runs that have failed by themselves so far."""

    def rank(self, number: int) -> RankWork:
        return self.ranks.setdefault(number, RankWork())

    @property
    def lost_s(self) -> float:
        """Of all ranks: work that was paid for and must be done again."""
        return sum(rank.lost_s for rank in self.ranks.values())


class Works:
    """The work of all jobs. Tells machines how long each process runs, and hears of its end."""

    def __init__(self, submissions: dict[str, Submission], *, now: Callable[[], float]) -> None:
        self._now = now
        self.jobs = {job: JobWork(one) for job, one in submissions.items()}

    def script(self, fence: Fence) -> Script:
        """How a process of that rank behaves if it begins now."""
        job = self.jobs[fence.job]
        left_s = max(job.submission.work_s - job.rank(fence.rank).safe_s, 0.0)
        failures = job.submission.fails_at
        if fence.rank == 0 and job.failures < len(failures):
            share = failures[job.failures]
            return Script(fetch_s=0.0, setup_s=job.submission.setup_s, run_s=left_s * share, run_code=1)
        return Script(fetch_s=0.0, setup_s=job.submission.setup_s, run_s=left_s)

    def began(self, process: Process) -> None:
        if process.part is Part.RUN:
            self.jobs[process.fence.job].rank(process.fence.rank).began_at = self._now()

    def ended(self, process: Process, *, saved_at: float | None) -> None:
        """`saved_at`: when it saved all that it had done, for it was told of its end."""
        if process.part is not Part.RUN:
            return
        job = self.jobs[process.fence.job]
        rank = job.rank(process.fence.rank)
        if rank.began_at is None:
            return
        began_at, rank.began_at = rank.began_at, None
        done_s = self._now() - began_at
        if process.code == 0:
            kept_s = done_s
        else:
            every_s = job.submission.checkpoint_every_s
            # Clocks of floats: the moment of a checkpoint is after it.
            kept_s = (done_s + 1e-6) // every_s * every_s if every_s else 0.0
            if saved_at is not None:
                kept_s = max(kept_s, saved_at - began_at)
        job.failures += process.code == 1
        rank.safe_s = min(rank.safe_s + kept_s, job.submission.work_s)
        rank.lost_s += done_s - kept_s
