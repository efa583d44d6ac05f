"""Whether silence is theirs or ours (design.md §2).

When more than one node in twenty falls silent at once, the fault is held to be ours until an infra says
otherwise.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from tradewind.common.contracts.node import NodePhase
from tradewind.provisioner.domain.model import Node
from tradewind.provisioner.domain.node import NOTED_EVERY

SHARE = 0.05
LEAST = 3
"""One node of two is no herd."""
QUIET = NOTED_EVERY + timedelta(seconds=4)
"""Nobody who is heard goes unnoted for so long. It is shorter than the silence that wakes a node: whoever
wakes first finds the others quiet already.
"""
AT_ONCE = timedelta(minutes=2)
LISTENED_TO = frozenset({NodePhase.READY, NodePhase.SUSPECT, NodePhase.DRAINING})


def is_herd(nodes: Iterable[Node], now: datetime) -> bool:
    """Whether many of `nodes` have fallen silent at once."""
    listened_to = [node for node in nodes if node.phase in LISTENED_TO]
    return is_many(sum(_fell_silent(node, now) for node in listened_to), len(listened_to))


def is_many(some: int, of: int) -> bool:
    return some >= LEAST and some > SHARE * of


def _fell_silent(node: Node, now: datetime) -> bool:
    """Lately: whoever is suspected for longer has been judged."""
    silence = now - node.heard_at
    return silence > QUIET and (node.phase is NodePhase.READY or silence <= AT_ONCE)
