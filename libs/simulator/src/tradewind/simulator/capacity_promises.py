"""Promises about capacity: what is asked for is wanted by somebody, what is taken down keeps nobody.

As those of `invariants`. These are judged by rows, since nothing that can be seen from outside shows them in
time: that nodes came for nobody shows on the bill.
"""

from collections.abc import Iterable, Iterator
from itertools import chain

from tradewind.common.contracts.allocation import AllocationPhase
from tradewind.common.reactor.aggregate import Aggregate
from tradewind.provisioner.contracts import LaunchOrder
from tradewind.scheduler.domain.model import Allocation, Capacity, Claim
from tradewind.simulator.machine import Machine
from tradewind.simulator.memory_store import Committed
from tradewind.simulator.seen import Seen

Broken = Iterator[str]


def a_claim_asks_for_somebody(seen: Seen, committed: Committed) -> Broken:
    """No claim asks for nodes when nobody waits for them any more."""
    for claim in seen.demand.note(_written(committed)):
        yield f"claim {claim.id} asks for {claim.count} nodes, and nobody waits for them"


def a_cluster_that_is_down_keeps_nobody(seen: Seen, committed: Committed) -> Broken:
    """When a named cluster is taken down, nobody keeps a seat that he was granted there."""
    shut = {
        row.id
        for row in _written(committed)
        if isinstance(row, Claim) and row.terminal and row.name is not None
    }
    if not shut:
        return
    rows = list(_rows_after(seen, committed))
    nodes = {row.id for row in rows if isinstance(row, Capacity) and row.claim in shut and not row.terminal}
    granted = (row for row in rows if isinstance(row, Allocation) and row.phase is AllocationPhase.GRANTED)
    for row in granted:
        if any(seat.node in nodes for seat in row.seats):
            yield f"allocation {row.id} keeps its seat on a cluster that was taken down"


def no_launch_under_way_is_ended(seen: Seen, machine: Machine) -> Broken:
    """No machine is terminated by us while the launch that brings it has not been heard of."""
    for row in seen.stores["provisioner"].intents.values():
        order = row.intent.payload
        if isinstance(order, LaunchOrder) and machine.node in order.nodes:
            yield f"{machine.node} is terminated while cluster {order.cluster} waits for it"


def _written(committed: Committed) -> Iterable[Aggregate]:
    return chain(committed.batch.created, (row for row, _ in committed.batch.updated))


def _rows_after(seen: Seen, committed: Committed) -> Iterator[Aggregate]:
    written = {row.ref: row for row in _written(committed)}
    for (service, ref), row in seen.rows.items():
        if service == committed.service and ref not in written:
            yield row
    yield from written.values()
