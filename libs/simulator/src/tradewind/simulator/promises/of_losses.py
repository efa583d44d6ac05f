"""Promises about lost and reclaimed machines: who is told in time, where one goes next, what is counted.

Some hold only where nothing else goes wrong: a notice that nobody can hear saves
nothing. They are judged in worlds that have no other kinds of faults.
"""

from tradewind.common.contracts.envelope import decode
from tradewind.common.contracts.job import JobLevel, JobPhase
from tradewind.common.contracts.node import ClusterLevel, NodeLevel, NodePhase
from tradewind.common.contracts.rank import AllocationWant, Goal
from tradewind.common.contracts.values import Recovery, Region
from tradewind.simulator.machine import Machine, Part, Process
from tradewind.simulator.promises.violation import Broken
from tradewind.simulator.seen import Loss, Seen, Told

NOTICE_S = 20.0
"""A shorter notice may be over before it has gone its way."""
OF_MACHINES = frozenset({"reclaim", "skew", "slow_boot", "ghost", "lagging_list"})
"""Kinds that leave the control plane whole."""
ENDING = frozenset({JobPhase.FINISHING, JobPhase.CANCELLING})


def a_reclaimed_rank_is_told_in_time(seen: Seen, machine: Machine) -> Broken:
    """What runs on a machine that is reclaimed with notice was told to stop, and by when all must be over.

    Judged where only machines fail.
    """
    notice = next((cloud.told[machine.node] for cloud in seen.clouds if machine.node in cloud.told), None)
    if notice is None or not seen.kinds <= OF_MACHINES or notice.after_s < NOTICE_S:
        return
    for process in machine.processes.values():
        job = seen.job(process.fence.job)
        if not process.alive or process.part is not Part.RUN or job is None or job.phase in ENDING:
            continue
        want = _last_want(seen, machine.node, job.id)
        if want is None or want.goal not in {Goal.STOP, Goal.FORGET}:
            yield f"{process.fence} ran on {machine.node} to its end, and was never told to stop"
        elif want.goal is Goal.STOP and (want.reclaim_at is None or want.reclaim_at > notice.news.at):
            yield f"{process.fence} was told {want.reclaim_at}, but {machine.node} went at {notice.news.at}"


def a_reclaimed_rank_saves_first(seen: Seen, machine: Machine, process: Process) -> Broken:
    """What runs on a machine that will be taken away is let save its work before it is stopped for that,
    where its role has commands for it.

    Judged by the want that its agent has written down: that one is in force, whatever was lost on the way.
    """
    fence = process.fence
    saves = seen.workload.ask_of[fence.job].script.saves_in_s > 0.0
    if not saves or process.part is not Part.RUN or fence in machine.saving:
        return
    wants = (record.want for record in reversed(machine.journal) if record.want is not None)
    want = next((want for want in wants if want.job == fence.job), None)
    if want is None or want.goal is not Goal.STOP or want.reclaim_at is None or want.attempt != fence.attempt:
        return
    if any((one.rank, one.incarnation) == (fence.rank, fence.incarnation) for one in want.ranks):
        yield f"{fence} is stopped, since {machine.node} goes at {want.reclaim_at}, and was not let save"


def another_region_comes_next(seen: Seen, told: Told) -> Broken:
    """A job that recovers by EAGER_NEXT_REGION does not go back to the region that it has just lost, while
    another has offers.

    Judged where only machines fail, and where no place of another region has failed its cluster since.
    """
    level = told.event.level
    if not isinstance(level, JobLevel) or not seen.kinds <= OF_MACHINES | {"node_loss"}:
        return
    loss = seen.lost_from.get(level.id)
    free = level.summary.cluster is None and not any(role.shape.infra for role in level.summary.roles)
    if loss is None or level.summary.recovery is not Recovery.EAGER_NEXT_REGION or not free:
        return
    # A failure of its own since then is tried again anywhere.
    if (level.attempt, level.restarts) != (loss.attempt + 1, loss.restarts):
        return
    for rank in level.ranks:
        if region_of(seen, rank.node) == loss.region and not _was_refused(seen, rank.node):
            yield f"job {level.id} lost {loss.region}, and its rank {rank.rank} is back there on {rank.node}"


def who_fails_over_may_go_back(seen: Seen, told: Told) -> Broken:
    """A job that recovers by FAILOVER never asks to be kept away from a region, and so not from the one that
    it has lost.

    This is what it asks for. Where it lands depends on who else has room there, and who refuses.
    """
    level = told.event.level
    if not isinstance(level, JobLevel) or level.summary.recovery is not Recovery.FAILOVER:
        return
    if level.demand is not None and level.demand.avoid:
        yield f"job {level.id} fails over, and asks to be kept away from {level.demand.avoid}"


def no_attempt_is_given_up_for_nothing(seen: Seen) -> Broken:
    """A job begins anew once for each failure of its own and for each gang that lost a machine: no loss is
    counted twice.
    """
    for job_id in seen.workload.ask_of:
        job = seen.job(job_id)
        if job is None:
            continue
        struck = sum(bool(seen.nodes_of[job_id, one] & seen.lost_nodes) for one in range(1, job.attempt))
        if job.attempt - 1 - job.restarts > struck:
            yield (
                f"job {job_id} is in attempt {job.attempt} after {job.restarts} failures of its own, "
                f"and {struck} of its gangs lost a machine"
            )


def region_of(seen: Seen, node_id: str) -> Region | None:
    node = seen.levels.get(("node", node_id))
    return Region(infra=node.place.infra, region=node.place.region) if isinstance(node, NodeLevel) else None


def _was_refused(seen: Seen, node_id: str) -> bool:
    """Whether the cluster of a node met failures on its way to the place where it is."""
    node = seen.levels.get(("node", node_id))
    cluster = seen.levels.get(("cluster", node.cluster)) if isinstance(node, NodeLevel) else None
    return isinstance(cluster, ClusterLevel) and bool(cluster.failures)


def note_loss(seen: Seen, node: NodeLevel) -> None:
    """A node was lost, or will be: remember which jobs that strikes, and where."""
    if node.phase is not NodePhase.LOST and node.reclaim_at is None:
        return
    if node.id in seen.lost_nodes:
        return
    seen.lost_nodes.add(node.id)
    for job_id in seen.workload.ask_of:
        job = seen.job(job_id)
        if job is not None and any(rank.node == node.id for rank in job.ranks):
            region = Region(infra=node.place.infra, region=node.place.region)
            seen.lost_from[job_id] = Loss(job.attempt, job.restarts, region)


def _last_want(seen: Seen, node: str, job: str) -> AllocationWant | None:
    packet = seen.server.last_of("WANT", f"want.{node}.{job}")
    want = decode(packet).message if packet is not None else None
    return want if isinstance(want, AllocationWant) else None
