"""A node that runs everything in no time: the whole agent, but for the body that would start processes.

Wants, journal, saids, heartbeat, credential and the fetch of the spec are the agent's own.

    python noop_node.py NODE_FOLDER
"""

import asyncio
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import tradewind.agent.run as agent_run
from tradewind.agent.__main__ import main
from tradewind.agent.domain.model import Ended, Fact, Fetched, Prepared, Rank, Saved, Started
from tradewind.agent.fetching import Fetcher
from tradewind.common.contracts.rank import AllocationWant
from tradewind.common.contracts.values import Fence

RUNS_S = 0.002
"""About as long as `true` takes: so that it is said to run before it is said to have ended."""


class NoopBody:
    """Stands in for `tradewind.agent.body.Body`, and is made and told as that is."""

    def __init__(self, *, fetcher: Fetcher, tell: Callable[[Fact], None], **_of_processes: Any) -> None:
        self._fetcher = fetcher
        self._tell = tell
        self._fetches: set[asyncio.Task[None]] = set()

    def fetch(self, fence: Fence, want: AllocationWant) -> None:
        task = asyncio.create_task(self._fetch(fence, want))
        self._fetches.add(task)
        task.add_done_callback(self._fetches.discard)

    def setup(self, fence: Fence, want: AllocationWant) -> None:
        self._tell(Prepared(fence))

    def start(self, fence: Fence, want: AllocationWant) -> None:
        self._tell(Started(fence, datetime.now(UTC)))
        asyncio.get_running_loop().call_later(RUNS_S, self._end, fence)

    def save(self, fence: Fence, want: AllocationWant, *, left_s: float) -> None:
        self._tell(Saved(fence))

    def stop(self, fence: Fence, *, grace_s: float) -> None:
        """It ends by itself."""

    def forget(self, fence: Fence) -> None:
        """There are no files."""

    def recover(self, fence: Fence) -> Rank:
        return Rank(fence)

    async def close(self) -> None:
        for task in self._fetches:
            task.cancel()

    async def _fetch(self, fence: Fence, want: AllocationWant) -> None:
        await self._fetcher.spec(want)
        self._tell(Fetched(fence))

    def _end(self, fence: Fence) -> None:
        self._tell(Ended(fence, datetime.now(UTC), 0, "run", by_itself=True))


if __name__ == "__main__":
    agent_run.Body = NoopBody  # type: ignore[misc,assignment] # that is what this node is
    sys.exit(main())
