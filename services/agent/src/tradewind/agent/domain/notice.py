"""How the time that is left of a node is shared out: to save, then to end, then to tell of it.

All in seconds. `left_s` is counted to the moment at which the node is taken away.
"""

MARGIN_S = 2.0
"""All is over so long before: the bus has what was printed last, and knows how it ended."""
LATE_GRACE_S = 1.0
"""Of a node whose time is over, or all but over. It may still be there for a moment."""
LEAST_S = 1.0
"""Commands that have less time are not begun: SIGTERM does more good."""


def grace_s(wanted_s: float, left_s: float | None) -> float:
    """Between SIGTERM and SIGKILL. `left_s` is None if nobody takes the node away."""
    if left_s is None:
        return wanted_s
    return min(wanted_s, max(left_s - MARGIN_S, LATE_GRACE_S))


def saving_s(grace_s: float, left_s: float) -> float:
    """For the `on_reclaim` commands: all but the grace, which takes half at most; 0 if they are not worth
    beginning.
    """
    usable = left_s - MARGIN_S
    share = usable - min(grace_s, usable / 2)
    return share if share >= LEAST_S else 0.0
