"""Ids of things that people create: sorted by the time of creation, so that an index grows at one end."""

import os
import threading
import time
from uuid import UUID

_lock = threading.Lock()
_last = 0


def new_uuid7() -> str:
    """A UUID version 7 (RFC 9562 §5.7), with the fraction of its millisecond in `rand_a` (§6.2, method 3).

    Each one is greater than all that this process made before, even while the clock stands or goes back.
    """
    ticks = _next_tick()
    random = int.from_bytes(os.urandom(8)) & (1 << 62) - 1
    milliseconds, fraction = divmod(ticks, 4096)
    return str(UUID(int=milliseconds << 80 | 7 << 76 | fraction << 64 | 0b10 << 62 | random))


def _next_tick() -> int:
    """Time in units of 1/4096 ms, never the same twice."""
    global _last  # noqa: PLW0603 - the promise holds for a process, and so does this
    with _lock:
        _last = max(_last + 1, time.time_ns() * 4096 // 1_000_000)
        return _last
