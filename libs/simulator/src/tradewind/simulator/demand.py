"""Who waits for capacity, and which claims ask for it: kept in step with the scheduler's rows.

A promise about them is judged after each commit, and nothing that is judged so often may look at all rows.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field

from tradewind.common.contracts.allocation import ClaimPhase
from tradewind.common.reactor.aggregate import Aggregate
from tradewind.scheduler.domain.model import Allocation, Claim

Key = Hashable
"""A class of demand, or the workspace and the name of a cluster."""


@dataclass(slots=True)
class Demand:
    waiting: Counter[Key] = field(default_factory=Counter[Key])
    asking: dict[Key, dict[str, Claim]] = field(default_factory=dict[Key, dict[str, Claim]])
    """By what they ask for and by id, the open claims."""
    _keys: dict[str, tuple[Key, ...]] = field(default_factory=dict[str, tuple[Key, ...]])
    """By the id of an allocation that waits, for what."""

    def note(self, rows: Iterable[Aggregate]) -> Iterator[Claim]:
        """The open claims of those `rows` and of what they no longer wait for, that nobody waits for now."""
        touched: dict[Key, None] = {}
        for row in rows:
            if isinstance(row, Allocation):
                touched |= dict.fromkeys(self._note_allocation(row))
            elif isinstance(row, Claim):
                touched[self._note_claim(row)] = None
        for key in touched:
            if not self.waiting[key]:
                yield from self.asking.get(key, {}).values()

    def _note_allocation(self, row: Allocation) -> tuple[Key, ...]:
        before = self._keys.pop(row.id, ())
        self.waiting.subtract(before)
        if row.waits:
            self._keys[row.id] = (row.demand_class, (row.workspace, row.demand.cluster))
            self.waiting.update(self._keys[row.id])
        return before

    def _note_claim(self, row: Claim) -> Key:
        key: Key = row.demand_class if row.name is None else (row.workspace, row.name)
        asking = self.asking.setdefault(key, {})
        asking.pop(row.id, None)
        if row.phase is ClaimPhase.OPEN:
            asking[row.id] = row
        return key
