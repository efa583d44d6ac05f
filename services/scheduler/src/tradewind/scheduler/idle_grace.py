"""How long nodes that nobody uses are kept: the one setting of the scheduler."""

import os
from collections.abc import Mapping
from datetime import timedelta

from tradewind.scheduler.wiring import IDLE_GRACE

VARIABLE = "TRADEWIND_IDLE_GRACE_S"


def idle_grace(environ: Mapping[str, str] = os.environ) -> timedelta:
    """TRADEWIND_IDLE_GRACE_S: for how many seconds idle nodes of job claims are kept. Raises ValueError."""
    chosen = environ.get(VARIABLE)
    return timedelta(seconds=float(chosen)) if chosen else IDLE_GRACE
