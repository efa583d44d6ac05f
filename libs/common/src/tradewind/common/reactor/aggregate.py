"""The state of one thing that a service owns: a frozen value, and the one row shape that it is stored in."""

from datetime import datetime
from typing import ClassVar, NamedTuple, Self

from pydantic import Field

from tradewind.common.contracts.base import Value


class Ref(NamedTuple):
    """Which thing: the kind of aggregate and its id."""

    kind: str
    id: str


class Aggregate(Value):
    """What every owned thing has. Subclasses add a `phase`, and say which phases are terminal."""

    kind: ClassVar[str]
    schema_v: ClassVar[int] = 1

    id: str
    workspace: str
    version: int = 0
    wake_at: datetime | None = None
    """When it looks at itself again. Every living row has one."""
    seen: dict[str, int] = Field(default_factory=dict)
    """The last version heard of each other thing, by `<noun>/<id>`; anything not newer is ignored."""
    correlation: str = ""
    trace: str = ""
    """The trace in which it came to be; later steps link to it."""
    parked: str = ""
    """Why its inputs are set aside: one of them could not be decided."""

    @property
    def ref(self) -> Ref:
        return Ref(self.kind, self.id)

    @property
    def phase_name(self) -> str:
        raise NotImplementedError

    @property
    def terminal(self) -> bool:
        raise NotImplementedError

    def evolve(self, **changes: object) -> Self:
        """The next version of this thing."""
        return self.but(version=self.version + 1, **changes)
