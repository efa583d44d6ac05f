"""Ending with the one who started us, if that one asks for it. Tasks do not: they have their own sessions."""

import ctypes
import os
import signal
import sys

SUPERVISOR_VARIABLE = "TRADEWIND_SUPERVISOR_PID"
_PR_SET_PDEATHSIG = 1


def end_with_supervisor() -> None:
    """SIGKILL when it ends: whatever it is doing, the next agent of the node goes on from there."""
    supervisor = os.environ.pop(SUPERVISOR_VARIABLE, None)
    if supervisor is None:
        return
    # Python has no call for it: prctl(2).
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(supervisor):  # it ended before we asked
        sys.exit(1)
