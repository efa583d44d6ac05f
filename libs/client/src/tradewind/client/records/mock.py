"""The scripted clouds, which exist to practise outages on."""

from dataclasses import dataclass
from datetime import datetime

from tradewind.client.records.shapes import Place


@dataclass(frozen=True, kw_only=True)
class MockMachine:
    """One that runs. `reclaim_at`: it was told that it will be taken away then."""

    node: str
    name: str
    place: Place
    launched_at: datetime
    booted: bool
    reclaim_at: datetime | None = None
    cost_usd: float = 0.0


@dataclass(frozen=True, kw_only=True)
class MockLimit:
    """How many machines there are to be had now at some places; None: unlimited."""

    what: str
    nodes: int | None
    in_use: int


@dataclass(frozen=True, kw_only=True)
class MockOutage:
    """A zone, a region or an infra that is down. `until` None: until it is healed."""

    where: str
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class MockCloud:
    """One scripted cloud. The times of its script count from `began_at`."""

    infra: str
    began_at: datetime
    machines: tuple[MockMachine, ...] = ()
    limits: tuple[MockLimit, ...] = ()
    outages: tuple[MockOutage, ...] = ()
    machines_ever: int
    spent_usd: float


@dataclass(frozen=True, kw_only=True)
class MockReport:
    """All scripted clouds; `did` names the machines that a wish befell, or the places that it healed."""

    clouds: tuple[MockCloud, ...]
    did: tuple[str, ...] = ()
