"""What passes between the provisioner's decisions and its hands: orders out, reports back."""

from datetime import datetime
from enum import StrEnum

from tradewind.common.contracts.base import Value
from tradewind.common.contracts.node import OwnOffer
from tradewind.common.contracts.registry import Report
from tradewind.common.contracts.values import Failure, Place


class Instance(Value):
    """One machine as its infra names it. `node` is what the machine was tagged with when it was launched."""

    node: str
    name: str
    address: str
    launched_at: datetime


class Found(Value):
    """One machine of this installation, as a survey saw it."""

    node: str
    name: str
    alive: bool
    """False: it is dead, and what it left (files, disks, addresses) is still there."""
    ended_at: datetime | None = None
    """Of one that is dead, where the infra knows."""
    reclaim_at: datetime | None = None
    """The infra has told that it takes it away then."""


class SurveyOrder(Value):
    """Look at a whole infra: can it be used, what does it yield, which machines of ours are there."""

    infra: str


class LaunchOrder(Value):
    """Launch the nodes of one cluster, all or none: once under its token, which is the intent's id."""

    cluster: str
    claim: str
    workspace: str
    place: Place
    nodes: tuple[str, ...]


class LookOrder(Value):
    """Ask the infra whether one machine is there."""

    infra: str
    node: str
    instance: str


class TerminateOrder(Value):
    """End one machine, and remove all that is left of it and was made for it. Done already is done."""

    infra: str
    node: str
    instance: str


class InstanceState(StrEnum):
    ALIVE = "alive"
    GONE = "gone"
    """It does not run and never will again. Only an infra that knows may say so."""
    UNKNOWN = "unknown"


class Surveyed(Report, owner="provisioner", name="surveyed"):
    """Answers `SurveyOrder`; `target` is the infra."""

    taken_at: datetime
    """When the look began: what is younger may be missing in it."""
    enabled: bool
    why: str = ""
    offers: tuple[OwnOffer, ...] = ()
    found: tuple[Found, ...] = ()
    complete: bool = False
    """What is not in `found` does not exist."""


class Launched(Report, owner="provisioner", name="launched"):
    """Answers `LaunchOrder`; `target` is the cluster. With `failure`, `instances` is what came anyhow."""

    infra: str = ""
    instances: tuple[Instance, ...] = ()
    failure: Failure | None = None


class Looked(Report, owner="provisioner", name="looked"):
    """Answers `LookOrder`; `target` is the node."""

    state: InstanceState
    ended_at: datetime | None = None


class Terminated(Report, owner="provisioner", name="terminated"):
    """Answers `TerminateOrder`; `target` is the node."""

    ended_at: datetime


class ReclaimNoticed(Report, owner="provisioner", name="reclaim_noticed"):
    """Nobody asked: an infra told that it takes a machine away. `target` is the node."""

    reclaim_at: datetime


class InstanceGone(Report, owner="provisioner", name="gone"):
    """Nobody asked: a driver that watches its machines saw the end of one. `target` is the node."""

    ended_at: datetime
