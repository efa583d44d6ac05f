"""With what `tw` ends. From 100 on as SkyPilot's, so that scripts move over."""

from tradewind.client.records import JobInfo, LogEnd

FAILED_TO_DO = 1
"""It was understood but could not be done: nobody answers, a clash, a fault."""
BAD_INPUT = 2
"""What was given is not right; nothing was done."""
JOB_FAILED = 100
"""The job failed, and no process of it gave a code."""
NOT_ENDED = 101
MISSING = 102
"""There is no such job or cluster."""
JOB_CANCELLED = 103
DETACHED = 130
"""Interrupted by the person; a job that was followed goes on."""


def of_job(end: LogEnd) -> int:
    """The exit code that tells how a job ended: its own where it has one."""
    match end.phase:
        case "succeeded":
            return 0
        case "failed":
            return end.exit_code or JOB_FAILED
        case "cancelled":
            return JOB_CANCELLED
        case _:
            return NOT_ENDED


def of_info(job: JobInfo) -> int:
    return of_job(LogEnd(phase=job.phase, exit_code=job.exit_code))
