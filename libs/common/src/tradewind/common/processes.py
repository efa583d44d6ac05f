"""Processes that are not our children: which one is meant, and when it ends."""

import asyncio
import os
import sys

from tradewind.common.process_marks import started_at, was_given

__all__ = ["ended", "started_at", "was_given"]


async def ended(pid: int) -> None:
    """Return as soon as the process has ended; it need not be a child of ours."""
    if sys.platform != "linux":
        while started_at(pid) is not None:  # noqa: ASYNC110 - the end of another's child is no event here
            await asyncio.sleep(0.05)
        return
    try:
        descriptor = os.pidfd_open(pid)  # readable once the process has ended: no polling
    except ProcessLookupError:
        return
    loop = asyncio.get_running_loop()
    over = loop.create_future()
    loop.add_reader(descriptor, lambda: over.done() or over.set_result(None))
    try:
        await over
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
