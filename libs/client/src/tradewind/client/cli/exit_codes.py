"""With what `tw` ends. From 100 on as SkyPilot's, so that scripts move over."""

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
