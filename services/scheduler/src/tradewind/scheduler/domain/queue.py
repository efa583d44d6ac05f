"""Who waits: a queue for each class of demand, so that what one cannot have is asked once for all like it."""

import heapq

from tradewind.scheduler.domain.model import Allocation

Entry = tuple[tuple[object, ...], str, int]


class WaitingQueue:
    """Living allocations that wait, by class, first come first served within a priority."""

    def __init__(self) -> None:
        self._waiting: dict[str, Allocation] = {}
        self._entries: dict[str, list[Entry]] = {}
        self._sizes: dict[str, int] = {}

    def note(self, allocation: Allocation) -> bool:
        """Whether it came newly into the queue of its class."""
        before = self._waiting.get(allocation.id)
        if before is not None and before.demand_class != allocation.demand_class:
            self._leave(before)
            before = None
        if allocation.waits:
            self._waiting[allocation.id] = allocation
            if before is None or before.attempt != allocation.attempt:
                entries = self._entries.setdefault(allocation.demand_class, [])
                heapq.heappush(entries, (allocation.rank_in_queue, allocation.id, allocation.attempt))
            if before is None:
                self._count(allocation.demand_class, 1)
                return True
        elif before is not None:
            self._leave(before)
        return False

    def _leave(self, allocation: Allocation) -> None:
        del self._waiting[allocation.id]
        self._count(allocation.demand_class, -1)

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes in which somebody waits."""
        return tuple(self._sizes)

    def size(self, demand_class: str) -> int:
        return self._sizes.get(demand_class, 0)

    def head(self, demand_class: str) -> Allocation | None:
        """Who is next in a class."""
        entries = self._entries.get(demand_class, [])
        while entries:
            _, allocation_id, attempt = entries[0]
            allocation = self._waiting.get(allocation_id)
            if (
                allocation is not None
                and allocation.attempt == attempt
                and allocation.demand_class == demand_class
            ):
                return allocation
            heapq.heappop(entries)
        return None

    def members(self, demand_class: str) -> tuple[Allocation, ...]:
        return tuple(one for one in self._waiting.values() if one.demand_class == demand_class)

    def _count(self, demand_class: str, change: int) -> None:
        size = self._sizes.get(demand_class, 0) + change
        if size:
            self._sizes[demand_class] = size
        else:
            self._sizes.pop(demand_class, None)
            self._entries.pop(demand_class, None)
