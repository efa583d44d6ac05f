"""What a task finds in its environment: as under SkyPilot, and the same names under TRADEWIND_."""

from collections.abc import Mapping
from datetime import datetime

from tradewind.common.contracts.rank import AllocationWant, RankWant
from tradewind.common.contracts.task import JobSpec, RoleSpec
from tradewind.common.contracts.values import Fence

_HOOK = "TRADEWIND_HOOK"
_PRIVATE = ("TRADEWIND_", "OTEL_", "PYDANTIC_")


def inherited(environ: Mapping[str, str]) -> dict[str, str]:
    """What a task takes over from the node's own environment: all but what is meant for the agent."""
    return {name: value for name, value in environ.items() if not name.startswith(_PRIVATE)}


def environment(
    *,
    want: AllocationWant,
    rank: RankWant,
    fence: Fence,
    spec: JobSpec,
    address: str,
    setup: bool,
    reclaim_at: datetime | None = None,
) -> dict[str, str]:
    """The variables of one rank, or of its setup. `address` is its node's. With `reclaim_at`, by
    the node's own clock, of its `on_reclaim` commands.

    The task's own `envs` give way to the fixed names: by those we find its processes again.
    """
    role = role_of(spec, rank)
    ips = "\n".join(want.addresses)
    gpus = str(role.shape.accelerator_count)
    shared = {"TASK_ID": task_id(want), "NUM_GPUS_PER_NODE": gpus}
    if setup:
        shared |= {"SETUP_NODE_RANK": str(rank.rank), "SETUP_NODE_IPS": ips}
    else:
        shared |= {"NODE_RANK": str(rank.rank), "NODE_IPS": ips, "NUM_NODES": str(len(want.addresses))}
    if want.job_index is not None:
        shared["JOB_RANK"] = str(want.job_index)
    own = {
        "TRADEWIND_NODE_ID": want.node,
        "TRADEWIND_NODE_ADDRESS": address,
        "TRADEWIND_WORKSPACE": want.workspace,
        "TRADEWIND_JOB_ID": want.job,
        "TRADEWIND_JOB_NAME": want.job_name,
        "TRADEWIND_ATTEMPT": str(want.attempt),
        "TRADEWIND_RANK": str(rank.rank),
        "TRADEWIND_INCARNATION": str(rank.incarnation),
        "TRADEWIND_FENCE": str(fence),
        "TRADEWIND_ROLE": rank.role,
        "TRADEWIND_ROLE_RANK": str(rank.role_rank),
    }
    if want.job_index is not None:
        own["TRADEWIND_JOB_INDEX"] = str(want.job_index)
    if reclaim_at is not None:
        own |= {
            _HOOK: "on_reclaim",
            "TRADEWIND_RECLAIM_AT": reclaim_at.isoformat(timespec="seconds"),
        }
    if rank.share.devices:
        own["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, rank.share.devices))
    return {
        **{name: value for name, value in spec.envs.items() if name != _HOOK},
        **{f"SKYPILOT_{name}": value for name, value in shared.items()},
        **{f"TRADEWIND_{name}": value for name, value in shared.items()},
        **own,
    }


def task_id(want: AllocationWant) -> str:
    """The same for all ranks and attempts of a job, and for no other job: fit to name its outputs.

    Numbers begin anew with each installation, and two may share a bucket: the end of the job's id tells
    theirs apart.
    """
    index = f"-{want.job_index}" if want.job_index is not None else ""
    return f"tradewind-{want.workspace}-{want.job_number}{index}-{want.job_name}-{want.job[-8:]}"


def role_of(spec: JobSpec, rank: RankWant) -> RoleSpec:
    """Raises LookupError if the spec has no such role."""
    for role in spec.roles:
        if role.name == rank.role:
            return role
    raise LookupError(f"the spec has no role {rank.role!r}; it has {[role.name for role in spec.roles]}")
