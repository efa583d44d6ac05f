"""Promises about jobs that somebody has told to end.

How soon a cancel is heard depends on every fault between the user and the jobs controller. They are judged
where the control plane is whole, and only machines fail.
"""

from tradewind.common.contracts.job import TERMINAL_JOB_PHASES, JobLevel, JobPhase
from tradewind.simulator.machine import Machine, Process
from tradewind.simulator.promises.of_losses import OF_MACHINES
from tradewind.simulator.promises.violation import Broken
from tradewind.simulator.seen import Seen, Told

HEARD_WITHIN_S = 5.0
"""An array tells its jobs to end one chunk after the other."""
CANCELLED = JobPhase.CANCELLED
HEEDED = TERMINAL_JOB_PHASES | {JobPhase.FINISHING, JobPhase.CANCELLING}


def a_cancel_is_heeded(seen: Seen, told: Told) -> Broken:
    """A job that is told to end before its outcome is decided goes no further: soon after the cancel it is
    neither waiting, starting, running nor recovering, and it never comes to another outcome from there.

    Judged where only machines fail.
    """
    level, before = told.event.level, told.before
    if not isinstance(level, JobLevel) or not _must_have_heard(seen, level.id):
        return
    if level.phase not in HEEDED:
        yield f"job {level.id} was told to end, and is {level.phase}"
    elif isinstance(before, JobLevel) and before.phase not in HEEDED and level.phase is not CANCELLED:
        yield f"job {level.id} was told to end while it was {before.phase}, and became {level.phase}"


def nothing_of_a_cancelled_job_begins(seen: Seen, machine: Machine, process: Process) -> Broken:
    """Soon after a job is told to end, nothing of it begins any more.

    Judged where only machines fail.
    """
    if _must_have_heard(seen, process.fence.job):
        yield f"{process.fence} begins its {process.part} on {machine.node} after it was told to end"


def _must_have_heard(seen: Seen, job: str) -> bool:
    at = seen.cancelled_at.get(job)
    whole = seen.kinds <= OF_MACHINES | {"node_loss"}
    return whole and at is not None and seen.now - at > HEARD_WITHIN_S
