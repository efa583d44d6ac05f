"""Loopback addresses for nodes that are processes of this host: each node has one of its own."""

import hashlib
import threading
from collections.abc import Collection, Iterator
from pathlib import Path

TAKING = threading.Lock()
"""Held from the choice of an address until it is noted: drivers of several infras share a home."""


def free_address(nodes: Path, taken: Collection[str]) -> str:
    """One of 127.0.x.y; hold TAKING. Homes begin at different ones: tasks of two rarely meet on a port."""
    return next(address for address in _addresses(nodes) if address not in taken)


def _addresses(nodes: Path) -> Iterator[str]:
    first = int.from_bytes(hashlib.sha256(str(nodes.absolute()).encode()).digest()[:2])
    for ordinal in range(2**16):
        high, low = divmod((first + ordinal) % 2**16, 2**8)
        if high and low not in {0, 255}:
            yield f"127.0.{high}.{low}"
