"""What holds when faults have ended, and all is at rest."""

from tradewind.common.contracts.job import (
    TERMINAL_JOB_PHASES,
    JobPhase,
    WorkflowPhase,
)
from tradewind.common.reactor.aggregate import Ref
from tradewind.provisioner.domain.model import Node
from tradewind.simulator.promises.violation import Broken
from tradewind.simulator.seen import Seen

MILL = 0.000_01
"""USD: a thousandth of a cent. Machines of a few minutes cost little more than one."""


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


def _phase(level: object) -> str:
    return str(getattr(level, "phase", ""))


def _is_required(roles: tuple[object, ...], name: str) -> bool:
    return any(getattr(role, "name", "") == name and getattr(role, "required", True) for role in roles)
