"""What this machine has to give, where nobody has said it."""

import os

from tradewind.common.contracts.values import Room


def room() -> Room:
    """The cores that we may use, the memory that there is. Who launched the node names its accelerators."""
    return Room(cpus=float(len(os.sched_getaffinity(0))), memory_gib=round(_memory_bytes() / 2**30, 1))


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
