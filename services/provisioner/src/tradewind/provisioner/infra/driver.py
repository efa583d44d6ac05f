"""What an infra is to the provisioner: a few calls, typed refusals, what it can answer for (design.md §5)."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tradewind.common.contracts.node import OwnOffer
from tradewind.common.contracts.node_file import NodeCredentials
from tradewind.common.contracts.values import Failure
from tradewind.provisioner.contracts import Found, Instance, InstanceState, LaunchOrder


@dataclass(frozen=True, slots=True)
class Capabilities:
    authoritative_liveness: bool
    """It knows when a machine is gone. Where it does not, what it fails to find is not held to be gone."""
    multi_node: bool
    """It can launch gangs of more than one."""


@dataclass(frozen=True, slots=True)
class View:
    """What an infra is, as a whole. Not enabled: `why` says what is missing, and the rest is unknown."""

    enabled: bool
    why: str = ""
    offers: tuple[OwnOffer, ...] = ()
    found: tuple[Found, ...] = ()


@dataclass(frozen=True, slots=True)
class Admission:
    """What an agent needs in order to reach the bus. The URL is without user and password."""

    nats_url: str
    credentials: NodeCredentials


@dataclass(frozen=True, slots=True)
class Sight:
    """What an infra says of one machine; `ended_at` of one that is gone, where it is known."""

    state: InstanceState
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class End:
    """A machine ended that nobody here had told to."""

    node: str
    instance: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ReclaimNotice:
    """The infra will take a machine away."""

    node: str
    instance: str
    at: datetime


class LaunchRefused(Exception):
    """The infra did not give the whole gang. `instances` came all the same; the caller gives them back."""

    def __init__(self, failure: Failure, instances: tuple[Instance, ...] = ()) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.instances = instances


class Driver(Protocol):
    """One infra. Every call but `launch` may be repeated at will; each may raise `hands.Transient`."""

    @property
    def name(self) -> str: ...

    @property
    def capabilities(self) -> Capabilities: ...

    async def survey(self) -> View:
        """All machines of this installation, and what more there is to have."""
        ...

    async def launch(
        self, order: LaunchOrder, *, token: str, admissions: Mapping[str, Admission]
    ) -> tuple[Instance, ...]:
        """The whole gang; the same again under the same token. Raises LaunchRefused."""
        ...

    async def look(self, node: str, instance: str) -> Sight:
        """When it says GONE, nothing of the node runs any more."""
        ...

    async def terminate(self, node: str, instance: str) -> datetime:
        """End it and remove what is left of it, if anything is; returns when it ended."""
        ...

    async def watch(self, tell: Callable[[End | ReclaimNotice], Awaitable[None]]) -> None:
        """Until cancelled, tell of each machine that ends by itself, and of each that is to be taken away;
        first of those of which nobody heard yet.

        When it tells of an end, nothing of the node runs any more. One may be told of twice.
        """
        ...
