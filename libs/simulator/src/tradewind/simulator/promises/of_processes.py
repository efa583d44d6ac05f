"""What runs on machines."""

from tradewind.common.contracts.job import (
    OnLoss,
)
from tradewind.simulator.machine import Machine, Part, Process
from tradewind.simulator.promises.violation import Broken
from tradewind.simulator.seen import Seen


def one_life_of_a_rank(seen: Seen, machine: Machine, process: Process) -> Broken:
    """No rank of a job has two processes at once, nor do two attempts of it live at once (design.md §2)."""
    fence = process.fence
    for other_machine, other in seen.runs[fence.job]:
        if other is process:
            continue
        if other.fence.rank == fence.rank or other.fence.attempt != fence.attempt:
            yield (
                f"{fence} begins its {process.part} on {machine.node} "
                f"while {other.fence} lives on {other_machine.node}"
            )


def a_gang_starts_together(seen: Seen, machine: Machine, process: Process) -> Broken:
    """No rank runs before every rank of its attempt was prepared, and itself in its present incarnation."""
    fence = process.fence
    if process.part is Part.RUN:
        prepared = seen.prepared[fence.job, fence.attempt]
        gang = range(seen.workload.ask_of[fence.job].summary.ranks)
        late = set(gang) - {rank for rank, _ in prepared}
        if late:
            yield f"{fence} runs on {machine.node}, and ranks {sorted(late)} were never prepared"
        elif (fence.rank, fence.incarnation) not in prepared:
            yield f"{fence} runs on {machine.node}, and was never prepared"


def a_rank_is_replaced_where_its_role_allows_it(seen: Seen, machine: Machine, process: Process) -> Broken:
    """A rank is started again alone only if its role says so; else its whole gang is, as a next attempt."""
    fence = process.fence
    summary = seen.workload.ask_of[fence.job].summary
    role_of = [role for role in summary.roles for _ in range(role.count)]
    if fence.incarnation and (role_of[fence.rank].on_loss is OnLoss.GANG or summary.cluster is not None):
        yield f"{fence} begins on {machine.node}, though its gang is started again as a whole"


def no_machine_is_oversold(seen: Seen, machine: Machine, process: Process) -> Broken:
    """The shares of the processes on a machine fit into it, and no two of them have the same device."""
    living = [one for one in machine.processes.values() if one.alive]
    cpus = sum(one.share.cpus for one in living)
    memory = sum(one.share.memory_gib for one in living)
    devices = [device for one in living for device in one.share.devices]
    if cpus > machine.room.cpus + 1e-6 or memory > machine.room.memory_gib + 1e-6:
        room = f"{machine.room.cpus} CPUs, {machine.room.memory_gib} GiB"
        yield f"{machine.node} has {room}; given are {cpus} CPUs, {memory} GiB"
    if len(devices) != len(set(devices)) or any(one >= machine.room.accelerator_count for one in devices):
        yield f"{machine.node} has {machine.room.accelerator_count} devices; given are {sorted(devices)}"


def nobody_is_ended_with_its_node(seen: Seen, machine: Machine) -> Broken:
    """No machine is terminated by us while a rank runs on it that was not told to stop."""
    for process in machine.processes.values():
        if process.alive:
            yield f"{machine.node} is terminated while {process.fence} lives on it"
