"""The Python SDK of Tradewind; the `tw` command line stands on it.

    from tradewind.client import Client, task_from_file

    with Client() as tw:
        job = tw.submit(task_from_file("train.yaml"))
        print(job.wait().phase)

Names are loaded when they are first used: `tw --help` needs none of them.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tradewind.client.async_client import AsyncClient, AsyncJob
    from tradewind.client.client import Client, Job
    from tradewind.client.endpoint import Endpoint
    from tradewind.client.errors import (
        Conflict,
        Invalid,
        NotFound,
        Refused,
        TradewindError,
        Unauthorized,
        Unavailable,
        Unexpected,
    )
    from tradewind.client.records import Cluster, Event, JobInfo, LogChunk, LogEnd, Node, Offers
    from tradewind.client.task import Overrides, Task, TaskRefused, from_command, task_from_file
    from tradewind.common.contracts.task import JobSpec, RoleSpec
    from tradewind.common.contracts.values import Shape

_HOMES = {
    "tradewind.client.async_client": ("AsyncClient", "AsyncJob"),
    "tradewind.client.client": ("Client", "Job"),
    "tradewind.client.endpoint": ("Endpoint",),
    "tradewind.client.errors": (
        "Conflict", "Invalid", "NotFound", "Refused", "TradewindError", "Unauthorized", "Unavailable",
        "Unexpected",
    ),
    "tradewind.client.records": ("Cluster", "Event", "JobInfo", "LogChunk", "LogEnd", "Node", "Offers"),
    "tradewind.client.task": ("Overrides", "Task", "TaskRefused", "from_command", "task_from_file"),
    "tradewind.common.contracts.task": ("JobSpec", "RoleSpec"),
    "tradewind.common.contracts.values": ("Shape",),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AsyncClient",
    "AsyncJob",
    "Client",
    "Cluster",
    "Conflict",
    "Endpoint",
    "Event",
    "Invalid",
    "Job",
    "JobInfo",
    "JobSpec",
    "LogChunk",
    "LogEnd",
    "Node",
    "NotFound",
    "Offers",
    "Overrides",
    "Refused",
    "RoleSpec",
    "Shape",
    "Task",
    "TaskRefused",
    "TradewindError",
    "Unauthorized",
    "Unavailable",
    "Unexpected",
    "from_command",
    "task_from_file",
]


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME_OF[name]), name)
