"""What the control plane says of its things, as frozen values. The fields are those of its HTTP API.

Plain dataclasses and not the pydantic models of the contracts: `tw status` shall not wait for pydantic.
Fields that a newer server adds are ignored.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from types import NoneType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from tradewind.client.errors import Unexpected

T = TypeVar("T")

Json = Any
"""A decoded JSON document."""

ENDED = frozenset({"succeeded", "failed", "cancelled"})
"""The phases in which a job is over."""


def read(record: type[T], told: Mapping[str, Json]) -> T:
    """The record that a JSON object tells.

    Raises:
        Unexpected: a field is missing or has another form.
    """
    try:
        values = {name: turn(told[name]) for name, turn in _turns(record).items() if name in told}
        return record(**values)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise Unexpected(
            f"the server's {record.__name__} is not as expected ({error}): is it of another version?"
        ) from error


@cache
def _turns(record: type[Any]) -> dict[str, Callable[[Json], Json]]:
    return {name: _turn(kind) for name, kind in get_type_hints(record).items()}


def _turn(kind: Any) -> Callable[[Json], Json]:
    """From JSON to a field of this kind."""
    variants = [each for each in get_args(kind) if each is not NoneType]
    if kind is datetime:
        return datetime.fromisoformat
    if hasattr(kind, "__dataclass_fields__"):
        return lambda told: read(kind, told)
    if get_origin(kind) is tuple:
        one = _turn(variants[0])
        return lambda told: tuple(map(one, told))
    if NoneType in get_args(kind):
        present = _turn(variants[0])
        return lambda told: None if told is None else present(told)
    return lambda told: told


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What one rank asks of its node. `infra` is cloud[/region[/zone]], None for anywhere."""

    cpus: float = 1.0
    memory_gib: float = 0.0
    accelerator: str | None = None
    accelerator_count: int = 0
    infra: str | None = None
    use_spot: bool = False


@dataclass(frozen=True, kw_only=True)
class Room:
    """What a whole node has to give."""

    cpus: float
    memory_gib: float
    accelerator: str | None = None
    accelerator_count: int = 0


@dataclass(frozen=True, kw_only=True)
class Place:
    """An offer: one node of it costs `price_usd_h` an hour."""

    infra: str
    instance_type: str
    price_usd_h: float
    room: Room
    region: str = ""
    zone: str = ""
    spot: bool = False

    def __str__(self) -> str:
        return "/".join(part for part in (self.infra, self.region, self.zone) if part)


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A place that could run a task. `enabled`: it can be launched now. The price is for all nodes."""

    enabled: bool
    hourly_usd: float
    place: Place


@dataclass(frozen=True, kw_only=True)
class Offers:
    """What a task would cost and where, best first. `why_none` says why there is nothing."""

    considered: int
    candidates: tuple[Offer, ...]
    why_none: str = ""


@dataclass(frozen=True, kw_only=True)
class Role:
    name: str
    count: int
    required: bool = True
    shape: Shape


@dataclass(frozen=True, kw_only=True)
class Rank:
    rank: int
    role: str
    node: str
    address: str
    phase: str
    exit_code: int | None = None


@dataclass(frozen=True, kw_only=True)
class Submitted:
    """What was taken in: a job, or, where a count was given, a workflow of so many jobs (`kind`)."""

    id: str
    number: int
    kind: str
    workspace: str
    phase: str
    submitted_at: datetime


@dataclass(frozen=True, kw_only=True)
class JobInfo:
    """A job as it was at `observed_at`. Lists leave `ranks` and `cost_usd` out."""

    id: str
    number: int
    name: str
    workspace: str
    user: str
    phase: str
    attempt: int
    restarts: int
    version: int
    index: int | None = None
    workflow: str | None = None
    reason: str = ""
    max_restarts: int = 0
    priority: int = 0
    cluster: str | None = None
    size: int = 1
    roles: tuple[Role, ...] = ()
    submitted_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    exit_code: int | None = None
    spec_ref: str = ""
    ranks: tuple[Rank, ...] = ()
    cost_usd: float | None = None
    observed_at: datetime

    @property
    def ended(self) -> bool:
        return self.phase in ENDED

    @property
    def handle(self) -> str:
        """What people call it by: 7, or 7_3 for a member of an array."""
        return str(self.number) if self.index is None else f"{self.number}_{self.index}"


@dataclass(frozen=True, kw_only=True)
class Jobs:
    """A page of jobs, newest first. `next` asks for the following page; None at the end."""

    observed_at: datetime
    jobs: tuple[JobInfo, ...]
    next: str | None = None


@dataclass(frozen=True, kw_only=True)
class Node:
    id: str
    phase: str
    cluster: str
    instance: str
    address: str
    place: Place
    room: Room
    reason: str = ""
    cost_usd: float = 0.0
    launched_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Failure:
    """How an infra refused on the way to the present place."""

    kind: str
    scope: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Nodes that a demand got. `name` is None for those that live only as long as jobs want them."""

    id: str
    phase: str
    claim: str
    retention: str
    count: int
    shape: Shape
    workspace: str = "default"
    name: str | None = None
    reason: str = ""
    place: Place | None = None
    hourly_usd: float | None = None
    cost_usd: float | None = None
    failures: tuple[Failure, ...] = ()
    nodes: tuple[Node, ...] = ()
    opened_at: datetime | None = None
    observed_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class OwnOffer:
    """What an infra without a catalog yields: up to `max_nodes` nodes of one kind."""

    max_nodes: int
    place: Place
    in_use: int = 0


@dataclass(frozen=True, kw_only=True)
class Infra:
    name: str
    enabled: bool
    why: str = ""
    offers: tuple[OwnOffer, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Service:
    """How far one service of the control plane is behind. `ok` is its own summary."""

    service: str
    stream: str
    pending: int
    unacked: int
    ok: bool
    last_active: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """An input that a service could not take in; it waits for a person."""

    seq: int
    service: str
    why: str
    type: str
    about: str
    subject: str
    time: datetime | None = None
    body: Json = None


@dataclass(frozen=True, kw_only=True)
class LogChunk:
    """A piece of what one rank wrote. `offset` counts bytes of that rank's log in that attempt."""

    rank: int
    text: str
    offset: int = 0
    node: str = ""
    attempt: int = 0


@dataclass(frozen=True, kw_only=True)
class LogEnd:
    """The log is over. `exit_code` is the job's, None where it has none."""

    phase: str
    exit_code: int | None = None


@dataclass(frozen=True, kw_only=True)
class Event:
    """One CloudEvent. `data` holds the public state of the thing it is about, under its noun."""

    id: str
    type: str
    source: str
    subject: str
    time: datetime
    data: Mapping[str, Json] = field(default_factory=dict[str, Json])
    workspace: str = "default"
    correlation: str = ""
    cause: str = ""
    traceparent: str = ""

    @property
    def name(self) -> str:
        """`job.running`"""
        return self.type.removeprefix("tradewind.")

    @property
    def level(self) -> Mapping[str, Json]:
        """The public state after the event."""
        return self.data.get(self.name.partition(".")[0]) or {}
