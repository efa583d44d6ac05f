"""Promises about what is written down: the scheduler's seats, the order of outboxes, the read model."""

from itertools import chain

from tradewind.common.contracts.node import ClusterLevel, ClusterPhase
from tradewind.common.contracts.registry import Level
from tradewind.common.reactor.aggregate import Ref
from tradewind.scheduler.domain.model import Allocation, Capacity
from tradewind.simulator.memory_store import Committed
from tradewind.simulator.promises.violation import Broken
from tradewind.simulator.seen import Seen, Told

SLACK = 1e-6


def seats_fit_their_nodes(seen: Seen, committed: Committed) -> Broken:
    """In the scheduler's own books the seats on a node fit into it, and no device is given twice."""
    if committed.service != "scheduler":
        return
    rows = chain(committed.batch.created, (row for row, _ in committed.batch.updated))
    for node in {seat.node for row in rows if isinstance(row, Allocation) for seat in row.seats}:
        capacity = seen.rows.get(("scheduler", Ref("capacity", node)))
        shares = [share for of_job in seen.seats[node].values() for share in of_job]
        if not isinstance(capacity, Capacity):
            if shares:
                yield f"{len(shares)} seats are on {node}, of which the scheduler knows nothing"
            continue
        cpus, memory = sum(one.cpus for one in shares), sum(one.memory_gib for one in shares)
        devices = [device for one in shares for device in one.devices]
        room = capacity.room
        if cpus > room.cpus + SLACK or memory > room.memory_gib + SLACK or len(devices) != len(set(devices)):
            yield (
                f"{node} has {room.cpus} CPUs and {room.memory_gib} GiB; "
                f"seats take {cpus} CPUs, {memory} GiB and the devices {sorted(devices)}"
            )


def outboxes_go_out_in_order(seen: Seen, told: Told) -> Broken:
    """Each service's messages are published first in the order in which they were committed."""
    if told.first and seen.out_of_order:
        yield seen.out_of_order.pop()


def one_cluster_a_generation(seen: Seen, told: Told) -> Broken:
    """No two clusters are up for one generation of a claim."""
    level = told.event.level
    if isinstance(level, ClusterLevel) and level.phase is ClusterPhase.UP:
        other = seen.cluster_of.setdefault((level.claim, level.generation), level.id)
        if other != level.id:
            yield f"clusters {other} and {level.id} are up for {level.claim}/{level.generation}"


def the_read_model_is_what_owners_have(seen: Seen) -> Broken:
    """At rest, what was told last of each thing that has ended is what its owner has written down."""
    for (service, ref), row in seen.rows.items():
        level = getattr(row, "level", None)
        if not row.terminal or not isinstance(level, Level):
            continue
        told = seen.levels.get((ref.kind, ref.id))
        if told is None:
            yield f"{service} never told of {ref.kind} {ref.id}"
        elif told.but(version=0) != level.but(version=0):
            yield f"{ref.kind} {ref.id} is {level}, but told was {told}"
