"""The promises, each a plain function that tells how it was broken, or nothing. Its docstring is the promise.

They are judged by what the world has seen: messages in streams, committed rows, processes on machines, the
ledger of the scripted infra. Most are judged on what a step touched; those of the end, when faults have ended
and all should be at rest.
"""

from collections.abc import Callable, Iterator

from tradewind.common.contracts.allocation import AllocationPhase, CapacityPhase, ClaimPhase
from tradewind.common.contracts.job import (
    TERMINAL_JOB_PHASES,
    TERMINAL_WORKFLOW_PHASES,
    JobLevel,
    JobPhase,
    OnLoss,
    WorkflowPhase,
)
from tradewind.common.contracts.node import ENDED_NODE_PHASES, ClusterLevel, ClusterPhase, NodePhase
from tradewind.common.contracts.placement import PlacementPhase
from tradewind.common.reactor.aggregate import Ref
from tradewind.provisioner.contracts import LaunchOrder
from tradewind.provisioner.domain.model import Node
from tradewind.simulator.book_promises import (
    one_cluster_a_generation,
    outboxes_go_out_in_order,
    seats_fit_their_nodes,
    the_read_model_is_what_owners_have,
)
from tradewind.simulator.capacity_promises import (
    a_claim_asks_for_somebody,
    a_cluster_that_is_down_keeps_nobody,
    no_launch_under_way_is_ended,
    only_one_gang_of_a_race_stays,
)
from tradewind.simulator.loss_promises import (
    a_reclaimed_rank_is_told_in_time,
    another_region_comes_next,
    no_attempt_is_given_up_for_nothing,
)
from tradewind.simulator.machine import Machine, Part, Process
from tradewind.simulator.memory_store import Committed
from tradewind.simulator.seen import Seen, Told

Broken = Iterator[str]

ONE_WAKE_S = 600.0
SLACK_S = 120.0
"""For the way from a wake to its effect."""
MILL = 0.000_01
"""USD: a thousandth of a cent. Machines of a few minutes cost little more than one."""

TERMINAL_PHASES: dict[str, frozenset[str]] = {
    "job": TERMINAL_JOB_PHASES,
    "workflow": TERMINAL_WORKFLOW_PHASES,
    "allocation": frozenset({AllocationPhase.RELEASED}),
    "claim": frozenset({ClaimPhase.CLOSED}),
    "capacity": frozenset({CapacityPhase.GONE}),
    "node": ENDED_NODE_PHASES,
    "cluster": frozenset({ClusterPhase.TERMINATED}),
    "placement": frozenset({PlacementPhase.CLOSED}),
}


class Violation(Exception):
    """A promise was broken. `promise` is its name, `meaning` the promise itself."""

    def __init__(self, promise: str, meaning: str, how: str) -> None:
        super().__init__(f"{promise}: {how}")
        self.promise = promise
        self.meaning = meaning
        self.how = how

    def __reduce__(self) -> tuple[type["Violation"], tuple[str, str, str]]:
        # An exception is pickled by its message alone.
        return Violation, (self.promise, self.meaning, self.how)


# ---- of what was told


def terminal_is_terminal(seen: Seen, told: Told) -> Broken:
    """What has been told to be over never lives again, and never ends in another way."""
    level, before = told.event.level, told.before
    terminal = TERMINAL_PHASES.get(told.event.noun, frozenset())
    if before is None or _phase(before) not in terminal or level.version <= before.version:
        return
    if _phase(level) != _phase(before):
        yield f"{told.event.noun} {level.id} was {_phase(before)} in v{before.version}, now {_phase(level)}"


def versions_never_go_down(seen: Seen, told: Told) -> Broken:
    """In its stream the level of a thing never goes back, but for copies of messages that were there."""
    if told.first and told.before is not None and told.event.level.version < told.before.version:
        level = told.event.level
        yield f"{told.event.noun} {level.id}: v{level.version} comes after v{told.before.version}"


def one_version_is_one_level(seen: Seen, told: Told) -> Broken:
    """The same version of a thing always says the same."""
    level, before = told.event.level, told.before
    if before is not None and before.version == level.version and before != level:
        yield f"{told.event.noun} {level.id} v{level.version} was told in two ways"


def over_means_over(seen: Seen, told: Told) -> Broken:
    """When a job is told to be over, nothing of it runs any more."""
    level = told.event.level
    if told.event.noun == "job" and _phase(level) in TERMINAL_JOB_PHASES and seen.runs[level.id]:
        machine, process = seen.runs[level.id][0]
        yield f"job {level.id} is {_phase(level)}, and {process.fence} lives on {machine.node}"


def no_retry_beyond_what_is_allowed(seen: Seen, told: Told) -> Broken:
    """No job is started again after failures of its own more often than it may be."""
    level = told.event.level
    if isinstance(level, JobLevel) and level.restarts > level.summary.max_restarts:
        allowed = level.summary.max_restarts
        yield f"job {level.id} was started again {level.restarts} times, allowed are {allowed}"


# ---- of what was committed


def no_commit_under_a_stale_lease(seen: Seen, committed: Committed) -> Broken:
    """Once a leader has taken over, nothing is written under an earlier lease."""
    newest = seen.epochs.get(committed.service, 0)
    if committed.lease.epoch != newest:
        yield f"{committed.service} committed under epoch {committed.lease.epoch}, {newest} leads"


def a_commit_builds_on_what_is_there(seen: Seen, committed: Committed) -> Broken:
    """Nobody overwrites a row that he has not seen, and each write is a newer version."""
    for row, loaded in committed.batch.updated:
        there = seen.rows.get((committed.service, row.ref))
        if there is None or there.version != loaded:
            yield f"{row.kind} {row.id} was loaded at v{loaded}, but is v{there.version if there else None}"
        elif row.version < there.version:
            yield f"{row.kind} {row.id} goes from v{there.version} back to v{row.version}"
    for row in committed.batch.created:
        if (committed.service, row.ref) in seen.rows:
            yield f"{row.kind} {row.id} is created a second time"


def an_ended_row_stays_ended(seen: Seen, committed: Committed) -> Broken:
    """A row that has ended never comes back to life in its owner's store."""
    for row, _ in committed.batch.updated:
        there = seen.rows.get((committed.service, row.ref))
        if there is not None and there.terminal and row.phase_name != there.phase_name:
            yield f"{row.kind} {row.id} was {there.phase_name}, now {row.phase_name}"


def nobody_believes_an_older_level(seen: Seen, committed: Committed) -> Broken:
    """What a row has heard of another thing is never replaced by something older."""
    for row, _ in committed.batch.updated:
        there = seen.rows.get((committed.service, row.ref))
        for thing, version in row.seen.items() if there is not None else ():
            if there is not None and there.seen.get(thing, version) > version:
                heard = there.seen[thing]
                yield f"{row.kind} {row.id} had heard v{heard} of {thing}, now believes v{version}"


def every_living_row_wakes(seen: Seen, committed: Committed) -> Broken:
    """A row that lives has a time at which it looks at itself again."""
    for row in (*committed.batch.created, *(row for row, _ in committed.batch.updated)):
        if not row.terminal and row.wake_at is None:
            yield f"{row.kind} {row.id} ({row.phase_name}) would never wake"


def nothing_is_parked(seen: Seen, committed: Committed) -> Broken:
    """No input of a world without garbage is refused."""
    for row in (*committed.batch.created, *(row for row, _ in committed.batch.updated)):
        if row.parked:
            yield f"{row.kind} {row.id} is parked: {row.parked}"


def what_is_noted_as_sent_was_sent(seen: Seen, committed: Committed) -> Broken:
    """An outbox row is noted as published only where it lies in its stream."""
    for outbox_id, position in committed.batch.sent:
        meant = seen.outbox.get((committed.service, outbox_id))
        if meant not in seen.at[position]:
            where = f"{position.stream}#{position.sequence}"
            yield f"{committed.service} notes message {meant} at {where}, where it is not"


# ---- of processes on machines


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


# ---- from time to time


def no_node_without_a_purpose(seen: Seen) -> Broken:
    """No machine lives without a claim or a drain for longer than one wake (three while things fail)."""
    limit = ONE_WAKE_S + SLACK_S if seen.quiet_since is not None else 3 * ONE_WAKE_S
    for node, since in seen.unclaimed_since.items():
        since_then = max(since, seen.quiet_since or 0.0)
        if seen.now - since_then > limit:
            yield f"machine {node} has had no purpose for {seen.now - since_then:.0f} s"


def has_purpose(seen: Seen, node_id: str) -> bool:
    """Whether a claim wants this machine, or its end is under way."""
    node = seen.rows.get(("provisioner", Ref("node", node_id)))
    if not isinstance(node, Node):
        orders = (row.intent.payload for row in seen.stores["provisioner"].intents.values())
        return any(isinstance(order, LaunchOrder) and node_id in order.nodes for order in orders)
    if node.phase in {NodePhase.DRAINING, NodePhase.TERMINATING}:
        return True
    cluster = seen.levels.get(("cluster", node.cluster))
    if (
        isinstance(cluster, ClusterLevel)
        and cluster.phase is ClusterPhase.UP
        and node_id not in cluster.nodes
    ):
        return False  # it has lost a race
    claim = seen.rows.get(("scheduler", Ref("claim", node.claim)))
    return claim is not None and not claim.terminal


# ---- at the end


def no_job_is_lost(seen: Seen) -> Broken:
    """Every job that was submitted comes to an end within two hours of virtual time after the last fault."""
    for job_id, ask in seen.workload.ask_of.items():
        job = seen.job(job_id)
        if job is None:
            array = seen.levels.get(("workflow", ask.id))
            if job_id in seen.cancelled and array is not None and _phase(array) == WorkflowPhase.CANCELLED:
                continue  # its array was cancelled before it came to this one
            yield f"job {job_id} was submitted and never heard of"
        elif job.phase not in TERMINAL_JOB_PHASES:
            yield f"job {job_id} is still {job.phase} ({job.reason})"


def jobs_end_as_they_ran(seen: Seen) -> Broken:
    """Unless cancelled, a job whose processes exit with 0 ends succeeded, one that fails too often failed."""
    for job_id, ask in seen.workload.ask_of.items():
        job = seen.job(job_id)
        if job is None or job.phase not in TERMINAL_JOB_PHASES:
            continue
        expected = JobPhase.SUCCEEDED if ask.succeeds else JobPhase.FAILED
        if job.phase is not expected and not (job.phase is JobPhase.CANCELLED and job_id in seen.cancelled):
            yield f"job {job_id} ended {job.phase} ({job.reason}), not {expected}"


def success_was_earned(seen: Seen) -> Broken:
    """A job that succeeded had a run of each required rank that exited with 0, in one attempt."""
    for job_id, ask in seen.workload.ask_of.items():
        job = seen.job(job_id)
        if job is None or job.phase is not JobPhase.SUCCEEDED:
            continue
        needed = {rank.rank for rank in job.ranks if _is_required(ask.summary.roles, rank.role)}
        done = {
            fence.rank
            for fence, code in seen.exits[job_id].items()
            if code == 0 and fence.attempt == job.attempt
        }
        if not needed <= done:
            missing = f"ranks {sorted(needed - done)} of attempt {job.attempt}"
            yield f"job {job_id} succeeded, but {missing} never exited with 0"


def what_was_committed_was_said(seen: Seen) -> Broken:
    """Every message of a committed transaction was published."""
    for (service, outbox_id), message_id in seen.outbox.items():
        if message_id not in seen.message_ids:
            yield f"{service} committed message {message_id} (outbox {outbox_id}) and never published it"


def what_the_bus_lost_is_said_again(seen: Seen) -> Broken:
    """What the bus had acked and lost before all had read it is published again from the outbox."""
    committed = set(seen.outbox.values())
    for message_id, packet in seen.lost_unread.items():
        if message_id in committed:
            what = packet.headers.get("ce-type")
            yield f"{what} {message_id} was lost unread, and never said again"


def nothing_is_left(seen: Seen) -> Broken:
    """Two hours after the last fault at most there is no machine, process, unsent message or open intent any
    more; of rows, only infras live.
    """
    yield from left_over(seen)


def left_over(seen: Seen) -> Broken:
    """What keeps the world from rest."""
    for rented in (one for cloud in seen.clouds for one in cloud.up):
        yield f"machine {rented.node} is still there"
    for job_id, living in seen.runs.items():
        if living:
            yield f"job {job_id} still has {len(living)} processes"
    for service, store in seen.stores.items():
        unsent = sum(row.position is None for row in store.outbox.values())
        if unsent:
            yield f"{service} has {unsent} unsent messages"
        for intent in store.intents.values():
            if intent.intent.hand != "survey":  # there is always one, or there will be in a minute
                yield f"{service} has an open intent: {intent.intent.hand} {intent.intent.target}"
        for ref, row in store.rows.items():
            if not row.terminal and ref.kind not in {"infra", "market", "workflow"}:
                yield f"{service} has a living {ref.kind} {ref.id}"


def nothing_was_set_aside(seen: Seen) -> Broken:
    """Garbage becomes a dead letter, and nothing else does."""
    yield from (
        f"garbage {one} was not set aside"
        for one in sorted(
            seen.garbage - {letter.headers.get("ce-subject", "") for letter in seen.dead_letters}
        )
    )
    for letter in seen.dead_letters:
        if letter.headers.get("ce-subject") not in seen.garbage:
            yield f"{letter.subject}: {letter.headers.get('ce-type')}: {letter.headers.get('tw-dead-reason')}"


def money_is_the_infras_own(seen: Seen) -> Broken:
    """What a node is said to have cost is what the infra's ledger says."""
    ghosts = {node for cloud in seen.clouds for node in cloud.ghosts}
    for node_id, rented in (line for cloud in seen.clouds for line in cloud.cloud.machines.items()):
        node = seen.rows.get(("provisioner", Ref("node", node_id)))
        if rented.ended_at is None:
            continue
        owed = rented.cost_usd(rented.ended_at)
        if not isinstance(node, Node):
            if owed > MILL and node_id not in ghosts:
                yield f"machine {node_id} cost {owed:.4f} USD and was never entered"
        elif abs(node.cost_usd - owed) > MILL:
            yield f"node {node_id} is said to have cost {node.cost_usd:.6f} USD, the ledger says {owed:.6f}"


AFTER_A_MESSAGE: tuple[Callable[[Seen, Told], Broken], ...] = (
    terminal_is_terminal,
    versions_never_go_down,
    one_version_is_one_level,
    over_means_over,
    no_retry_beyond_what_is_allowed,
    another_region_comes_next,
    outboxes_go_out_in_order,
    one_cluster_a_generation,
)
AFTER_A_COMMIT: tuple[Callable[[Seen, Committed], Broken], ...] = (
    no_commit_under_a_stale_lease,
    a_commit_builds_on_what_is_there,
    an_ended_row_stays_ended,
    nobody_believes_an_older_level,
    every_living_row_wakes,
    nothing_is_parked,
    what_is_noted_as_sent_was_sent,
    a_claim_asks_for_somebody,
    a_cluster_that_is_down_keeps_nobody,
)
ONCE_COMMITTED: tuple[Callable[[Seen, Committed], Broken], ...] = (seats_fit_their_nodes,)
AFTER_A_PROCESS: tuple[Callable[[Seen, Machine, Process], Broken], ...] = (
    one_life_of_a_rank,
    a_gang_starts_together,
    a_rank_is_replaced_where_its_role_allows_it,
    no_machine_is_oversold,
)
BEFORE_A_TERMINATION: tuple[Callable[[Seen, Machine], Broken], ...] = (
    nobody_is_ended_with_its_node,
    no_launch_under_way_is_ended,
)
BEFORE_A_LOSS: tuple[Callable[[Seen, Machine], Broken], ...] = (a_reclaimed_rank_is_told_in_time,)
EVERY_MINUTE: tuple[Callable[[Seen], Broken], ...] = (
    no_node_without_a_purpose,
    only_one_gang_of_a_race_stays,
)
AT_THE_END: tuple[Callable[[Seen], Broken], ...] = (
    no_job_is_lost,
    jobs_end_as_they_ran,
    success_was_earned,
    what_was_committed_was_said,
    what_the_bus_lost_is_said_again,
    nothing_was_set_aside,
    nothing_is_left,
    money_is_the_infras_own,
    no_attempt_is_given_up_for_nothing,
    the_read_model_is_what_owners_have,
)


def judge(promises: "tuple[Callable[..., Broken], ...]", *touched: object) -> None:
    """Raises Violation on the first promise that is broken."""
    for promise in promises:
        for how in promise(*touched):
            raise Violation(promise.__name__, (promise.__doc__ or "").strip(), how)


def _phase(level: object) -> str:
    return str(getattr(level, "phase", ""))


def _is_required(roles: tuple[object, ...], name: str) -> bool:
    return any(getattr(role, "name", "") == name and getattr(role, "required", True) for role in roles)
