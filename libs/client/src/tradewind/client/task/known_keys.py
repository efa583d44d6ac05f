"""The keys of a task file that are read, and what to say of one that is not."""

import difflib

TASK = ("name", "workdir", "num_nodes", "resources", "envs", "setup", "run", "on_reclaim", "on_loss")
RESOURCES = ("infra", "cpus", "memory", "accelerators", "use_spot", "job_recovery", "race")
JOB_RECOVERY = ("strategy", "max_restarts_on_errors")
KNOWN = {"": TASK, "resources": RESOURCES, "resources.job_recovery": JOB_RECOVERY}
"""By the dotted path of the mapping that holds them."""

# What SkyPilot 0.14 reads beyond these. Refused until something here acts on it: a field that is
# read and then ignored would promise what does not happen.
_LATER_TASK = {
    "file_mounts", "volumes", "secrets", "managed_secrets", "service", "pool", "config",
    "event_callback", "inputs", "outputs", "api_server_access", "execution", "primary_tasks",
    "termination_delay", "inter_connection",
}  # fmt: skip
_LATER_RESOURCES = {
    "accelerator_args", "instance_type", "disk_size", "disk_tier", "network_tier", "local_disk",
    "max_hourly_cost", "ports", "labels", "image_id", "autostop", "priority_class", "volumes",
    "any_of", "ordered",
}  # fmt: skip
_LATER_JOB_RECOVERY = {"recover_on_exit_codes"}
_LATER = {"": _LATER_TASK, "resources": _LATER_RESOURCES, "resources.job_recovery": _LATER_JOB_RECOVERY}
_INSTEAD = {
    "gpu": "write `accelerators`",
    "gpus": "write `accelerators`",
    "cloud": "write `infra: cloud/region/zone`",
    "region": "write `infra: cloud/region/zone`",
    "zone": "write `infra: cloud/region/zone`",
    "spot_recovery": "write `job_recovery`",
    "max_restarts_on_errors": "write `job_recovery: {max_restarts_on_errors: 3}`",
}
_OPTIONS = {"priority": "`tw jobs launch --priority N`"}
_NEAR = 0.6


def refusal(key: str, *, under: str) -> str:
    """Why a key is refused `under` a mapping (at the top: empty), and what to write instead."""
    known, later = KNOWN[under], _LATER[under]
    if key in _INSTEAD:
        return f"is not read: {_INSTEAD[key]}{'' if under else ', under `resources`'}"
    if key in _OPTIONS:
        return f"is not read: give it as an option, {_OPTIONS[key]}"
    if key in later:
        return "is not supported yet"
    if under and key in TASK:
        return "belongs at the top of the file"
    if under != "resources" and key in RESOURCES:
        return "belongs under `resources`"
    near = difflib.get_close_matches(key.lower(), known, n=1, cutoff=_NEAR)
    if near:
        return f"is unknown: did you mean `{near[0]}`?"
    return f"is unknown: write one of {', '.join(known)}"
