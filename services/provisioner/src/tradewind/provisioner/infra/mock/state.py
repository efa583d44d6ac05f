"""What a scripted cloud remembers. It can be written down whole, and read again."""

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, Field

from tradewind.common.contracts.base import Value
from tradewind.common.contracts.values import Failure, Place


class Booted(Value):
    """Its machine is up: its agent may start."""

    node: str


class ReclaimNoticed(Value):
    """The machine will be taken away at `at`."""

    node: str
    at: datetime


class Ended(Value):
    """The machine is gone, and nobody of us ended it."""

    node: str
    at: datetime


Happening = Booted | ReclaimNoticed | Ended


class Rented(Value):
    """One machine, from its launch to its end: a line of the ledger."""

    node: str
    name: str
    number: int
    place: Place
    launched_at: datetime
    boots_at: datetime
    booted: bool = False
    notice_at: datetime | None = None
    """When it will be told that it is taken away; None: it was told, or will not be."""
    reclaim_at: datetime | None = None
    """When it is taken away. Nobody outside knows before it was `noticed`."""
    noticed: bool = False
    ended_at: datetime | None = None
    why: str = ""
    """It ended."""
    removed_at: datetime | None = None
    """Since when nothing of it is left: it was terminated, if only after its end."""

    @property
    def up(self) -> bool:
        return self.ended_at is None

    def seconds(self, now: datetime) -> float:
        return ((self.ended_at or now) - self.launched_at).total_seconds()

    def cost_usd(self, now: datetime) -> float:
        """Price times time, to the millionth; billed from its launch, boot included."""
        hours = ((self.ended_at or now) - self.launched_at) / timedelta(hours=1)
        return round(self.place.price_usd_h * hours, 6)


class Outcome(Value):
    """What came of a launch: the same again, whenever it is asked for under the same token.

    With `failure`, `nodes` came all the same. Not `answered`: it took effect, and whoever called never heard.
    """

    nodes: tuple[str, ...]
    failure: Failure | None = None
    answered: bool = True


class Down(Value):
    """Something is down. `where` names a zone or a region; "" is the whole cloud."""

    where: str
    since: datetime
    until: datetime | None = None

    def at(self, now: datetime) -> bool:
        return self.since <= now and (self.until is None or now < self.until)


class CloudState(BaseModel):
    """`began_at` is where the script's times count from."""

    began_at: datetime
    advanced_to: datetime | None = None
    """Until when the script was played; None: nothing of it yet."""
    machines: dict[str, Rented] = {}
    """By node, ended ones too: the ledger."""
    outcomes: dict[str, Outcome] = {}
    """By token."""
    asked: dict[str, int] = {}
    """By token, how often."""
    tried: dict[str, int] = {}
    """By place and refusal, how many launches it has refused."""
    unwilling: dict[str, int] = {}
    """By node, how often its termination has failed."""
    downs: list[Down] = []
    script: str = ""
    """Digest of what was played so far: another script begins its own time anew."""
    calls: Annotated[list[datetime], Field(exclude=True)] = []
    """Of late. A restart forgets them."""
