"""When and how often a call is made again."""

import random
from collections.abc import Iterator

MOMENTARY = frozenset({502, 503, 504})
"""Statuses that a restarting server, or a full stream that pushes back, gives for a moment."""

_FIRST_S = 0.1
_TRIES = 7
_LONGEST_S = 5.0


def pauses() -> Iterator[float]:
    """Seconds to wait before each further try; about seven in all, enough for a control plane that restarts.

    Doubling, with full jitter on the upper half so that many clients do not come back in step.
    """
    for tries in range(_TRIES):
        yield min(_FIRST_S * 2**tries, _LONGEST_S) * random.uniform(0.5, 1.0)


def asked_to_wait(retry_after: str | None, pause: float) -> float:
    """The longer of our own pause and what `Retry-After` asks for (seconds; at most five are granted)."""
    if retry_after and retry_after.isdigit():
        return max(pause, min(float(retry_after), _LONGEST_S))
    return pause
