"""What the clock of the control plane shows now, at least.

Two machines' clocks may differ by minutes, so a time that the control plane names (`reclaim_at`) is never
compared with this machine's wall clock. Each message proves that their clock had come to its time when it
arrived here; from then on this machine's monotonic clock counts. The best proof is kept: it is late by no
more than the shortest journey of any message that was heard. Two controllers whose clocks differ: the one
that is ahead counts, which leaves a rank less time and never more (docs/decisions/0023).

The monotonic clock of Linux is the machine's, not the process's (clock_gettime(2)), so what one agent has
learnt holds for the next. After a reboot it is a proof still, though a poor one.
"""

from collections.abc import Callable
from datetime import UTC, datetime


class TheirClock:
    def __init__(self, monotonic: Callable[[], float]) -> None:
        """`monotonic` counts in seconds."""
        self._monotonic = monotonic
        self.ahead: float | None = None
        """Their seconds since the epoch, less our monotonic ones, at least. None: nothing was heard."""

    def hear(self, time: datetime) -> None:
        """A message says that it was sent then."""
        self.learn(time.timestamp() - self._monotonic())

    def learn(self, ahead: float | None) -> None:
        """What an earlier agent of this machine knew."""
        if ahead is not None and (self.ahead is None or ahead > self.ahead):
            self.ahead = ahead

    def left_s(self, until: datetime) -> float:
        """Seconds, at most; negative if it is over."""
        theirs = datetime.now(UTC).timestamp() if self.ahead is None else self.ahead + self._monotonic()
        return until.timestamp() - theirs
