"""How a job ended, as an exit code."""

from tradewind.client.cli.exit_codes import JOB_CANCELLED, JOB_FAILED, NOT_ENDED
from tradewind.client.records import JobInfo, LogEnd


def exit_code_of(end: LogEnd) -> int:
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


def exit_code_of_job(job: JobInfo) -> int:
    return exit_code_of(LogEnd(phase=job.phase, exit_code=job.exit_code))
