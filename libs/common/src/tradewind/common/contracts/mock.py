"""Questions to the scripted clouds of this installation, and wishes that are carried out at once.

Request/reply on `qry.provisioner.mock_*`. Every answer is the state of all scripted clouds after it.
"""

from datetime import datetime

from tradewind.common.contracts.base import Value
from tradewind.common.contracts.registry import Message
from tradewind.common.contracts.values import Place


class MockQuestion(Message, owner="provisioner"):
    """What a person asks of the scripted clouds."""

    @property
    def subject(self) -> str:
        return self.subjects()

    @property
    def about(self) -> str:
        return "mock"

    @classmethod
    def subjects(cls) -> str:
        return f"qry.{cls.owner}.{cls.name or '*'}"


class ShowMock(MockQuestion, name="mock_status"):
    """Query (request/reply): machines, capacity, what is failing, and what it has cost."""


class ReclaimMock(MockQuestion, name="mock_reclaim"):
    """Query (request/reply): take a machine away. `node` is its id, or an unambiguous beginning of it."""

    node: str
    notice_s: float | None = None
    """None: as the script says."""


class FailMock(MockQuestion, name="mock_fail"):
    """Query (request/reply): a zone, a region or an infra goes down, and all that runs there ends."""

    where: str
    lasts_s: float | None = None
    """None: until it is healed."""


class HealMock(MockQuestion, name="mock_heal"):
    """Query (request/reply): what is down is up again: all of it, or one zone, region or infra."""

    where: str | None = None


class MockMachine(Value):
    """One that runs."""

    node: str
    name: str
    place: Place
    launched_at: datetime
    booted: bool
    reclaim_at: datetime | None
    """None: nobody was told that it will be taken away."""
    cost_usd: float


class MockLimit(Value):
    """How many machines there are to be had now at some places; `what` says which. None: unlimited."""

    what: str
    nodes: int | None
    in_use: int


class MockOutage(Value):
    where: str
    """A zone, a region, or the infra as a whole."""
    since: datetime
    until: datetime | None


class MockCloudState(Value):
    """One scripted cloud."""

    infra: str
    began_at: datetime
    """Where the times of its script count from."""
    machines: tuple[MockMachine, ...]
    limits: tuple[MockLimit, ...]
    outages: tuple[MockOutage, ...]
    machines_ever: int
    spent_usd: float


class MockReport(Message, owner="provisioner", name="mock_report"):
    """The answer to every one of these questions."""

    on: bool
    """False: this installation has no scripted cloud."""
    refused: str = ""
    """Why what was wished was not done, in one sentence."""
    did: tuple[str, ...] = ()
    """The machines that it befell, or the zones and regions that were healed."""
    clouds: tuple[MockCloudState, ...] = ()

    @property
    def subject(self) -> str:
        return ""

    @property
    def about(self) -> str:
        return "mock"

    @classmethod
    def subjects(cls) -> str:
        return ""
