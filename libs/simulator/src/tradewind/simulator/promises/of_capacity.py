"""Promises about capacity: what is asked for is wanted by somebody, what is taken down keeps nobody.

These are judged by rows, since nothing that can be seen from outside shows them in
time: that nodes came for nobody shows on the bill.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain

from tradewind.common.contracts.allocation import AllocationPhase
from tradewind.common.contracts.node import ClusterPhase, NodePhase
from tradewind.common.reactor.aggregate import Aggregate
from tradewind.provisioner.contracts import LaunchOrder
from tradewind.provisioner.domain.model import Cluster, Node
from tradewind.scheduler.domain.model import Allocation, Capacity, Claim
from tradewind.simulator.machine import Machine
from tradewind.simulator.memory_store import Committed
from tradewind.simulator.promises.violation import Broken
from tradewind.simulator.seen import Seen

STAYS = frozenset({NodePhase.BOOTING, NodePhase.READY, NodePhase.SUSPECT})
SPARE_S = 119.0


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


def nobody_goes_where_a_refusal_spoke_for(seen: Seen, committed: Committed) -> Broken:
    """No launch begins at a place that an earlier refusal of the same list has spoken for: one of its
    region, say, or of its whole infra.
    """
    for row in _written(committed):
        if not isinstance(row, Cluster):
            continue
        there = seen.rows.get((committed.service, row.ref))
        before = there if isinstance(there, Cluster) else None
        intents = {one.intent for one in before.tries} if before is not None else set[str]()
        noted = len(before.attempted) if before is not None and before.round == row.round else 0
        # Two refusals that came together: what the first let begin may be what the second speaks for.
        together = len(row.attempted) - noted > 1
        known = row.attempted[:noted] if together else row.attempted
        for begun in (one for one in row.tries if one.intent not in intents):
            for past in known:
                if past.failure.speaks_for(past.place, begun.place):
                    yield (
                        f"cluster {row.id} tries {begun.place}, after {past.place} refused "
                        f"for its {past.failure.scope}"
                    )


def only_one_gang_of_a_race_stays(seen: Seen) -> Broken:
    """Of several places that were tried at once, the gangs that lost are told to leave within two minutes.

    Judged where nothing fails.
    """
    if seen.kinds:
        return
    rows = list(seen.rows.values())
    staying = Counter(row.cluster for row in rows if isinstance(row, Node) and row.phase in STAYS)
    for cluster in (row for row in rows if isinstance(row, Cluster)):
        if cluster.phase is not ClusterPhase.UP or staying[cluster.id] <= cluster.count:
            seen.spare_since.pop(cluster.id, None)
        elif seen.now - seen.spare_since.setdefault(cluster.id, seen.now) >= SPARE_S:
            yield f"cluster {cluster.id} has {staying[cluster.id]} nodes, and was to have {cluster.count}"


def _written(committed: Committed) -> Iterable[Aggregate]:
    return chain(committed.batch.created, (row for row, _ in committed.batch.updated))


def _rows_after(seen: Seen, committed: Committed) -> Iterator[Aggregate]:
    written = {row.ref: row for row in _written(committed)}
    for (service, ref), row in seen.rows.items():
        if service == committed.service and ref not in written:
            yield row
    yield from written.values()
