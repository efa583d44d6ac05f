"""What the control plane says of its things, as frozen values. The fields are those of its HTTP API.

Plain dataclasses and not the pydantic models of the contracts, and loaded by kind when first used: making a
dataclass costs half a millisecond, loading pydantic a tenth of a second, and `tw status` waits for either.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tradewind.client.records.clusters import Cluster, Failure, Node
    from tradewind.client.records.jobs import ENDED, JobInfo, Jobs, Rank, Role, Submitted
    from tradewind.client.records.mock import MockCloud, MockLimit, MockMachine, MockOutage, MockReport
    from tradewind.client.records.offers import Infra, Offer, Offers, OwnOffer
    from tradewind.client.records.operations import DeadLetter, Service
    from tradewind.client.records.reading import Json, read
    from tradewind.client.records.shapes import Place, Room, Shape
    from tradewind.client.records.streams import Event, LogChunk, LogEnd

_HOMES = {
    "clusters": (
        "Cluster",
        "Failure",
        "Node",
    ),
    "jobs": (
        "ENDED",
        "JobInfo",
        "Jobs",
        "Rank",
        "Role",
        "Submitted",
    ),
    "mock": (
        "MockCloud",
        "MockLimit",
        "MockMachine",
        "MockOutage",
        "MockReport",
    ),
    "offers": (
        "Infra",
        "Offer",
        "Offers",
        "OwnOffer",
    ),
    "operations": (
        "DeadLetter",
        "Service",
    ),
    "reading": (
        "Json",
        "read",
    ),
    "shapes": (
        "Place",
        "Room",
        "Shape",
    ),
    "streams": (
        "Event",
        "LogChunk",
        "LogEnd",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "ENDED",
    "Cluster",
    "DeadLetter",
    "Event",
    "Failure",
    "Infra",
    "JobInfo",
    "Jobs",
    "Json",
    "LogChunk",
    "LogEnd",
    "MockCloud",
    "MockLimit",
    "MockMachine",
    "MockOutage",
    "MockReport",
    "Node",
    "Offer",
    "Offers",
    "OwnOffer",
    "Place",
    "Rank",
    "Role",
    "Room",
    "Service",
    "Shape",
    "Submitted",
    "read",
]


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value
