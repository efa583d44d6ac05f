"""Values shared by several nouns: what a rank asks of a node, what a node has, what a rank was given."""

from enum import StrEnum

from pydantic import Field

from tradewind.common.contracts.base import Value


class Shape(Value):
    """What one rank asks of its node. CPUs in vCPUs, memory in GiB; None and 0 ask for nothing in
    particular.
    """

    cpus: float = Field(default=1.0, ge=0)
    memory_gib: float = Field(default=0.0, ge=0)
    accelerator: str | None = None
    accelerator_count: int = Field(default=0, ge=0)
    infra: str | None = None
    """`cloud[/region[/zone]]`, None for anywhere."""
    use_spot: bool = False


class Room(Value):
    """What a whole node has to give."""

    cpus: float
    memory_gib: float
    accelerator: str | None = None
    accelerator_count: int = 0


class Share(Value):
    """What one rank was given of its node; `devices` are accelerator indices on that node."""

    cpus: float
    memory_gib: float = 0.0
    devices: tuple[int, ...] = ()


class Region(Value):
    """One region of one infra; "" where an infra has none."""

    infra: str
    region: str


class Recovery(StrEnum):
    """Where a job that lost a node is started again. The names are SkyPilot's."""

    EAGER_NEXT_REGION = "EAGER_NEXT_REGION"
    """Anywhere but in the region that has just been lost, unless there is no other."""
    FAILOVER = "FAILOVER"
    """First in the region that it ran in, then anywhere."""


class Retention(StrEnum):
    """How long a claim keeps its nodes."""

    JOB = "job"
    """While jobs of its shape want them, and a short grace."""
    NAMED = "named"
    """Until somebody takes the named cluster down."""


class Replacement(Value):
    """A rank that is started again alone, as this incarnation."""

    rank: int
    incarnation: int


class Demand(Value):
    """What a job asks of the scheduler: one node share a rank, all or none."""

    shapes: tuple[Shape, ...]
    """One a rank, in rank order."""
    replacements: tuple[Replacement, ...] = ()
    """Whom the shapes are for, where only some of the gang lack a seat; empty: all of it."""
    avoid: tuple[Region, ...] = ()
    """Taken only where nothing else can serve."""
    prefer: tuple[Region, ...] = ()
    """Taken first, whatever it costs."""
    race: int = Field(default=1, ge=1, le=8)
    """How many places are tried at once; the first whole gang is kept."""
    retention: Retention = Retention.JOB
    cluster: str | None = None
    """The named cluster that alone may serve it."""


class Fence(Value):
    """The identity of one process of a gang: only the newest may act, a report of any other is evidence."""

    job: str
    attempt: int
    rank: int
    incarnation: int = 0

    def __str__(self) -> str:
        return f"{self.job}.{self.attempt}.{self.rank}.{self.incarnation}"


class Scope(StrEnum):
    """How far a launch failure speaks."""

    OFFER = "offer"
    ZONE = "zone"
    REGION = "region"
    INFRA = "infra"


class FailureKind(StrEnum):
    """Why an infra refused. (design.md §5)"""

    CAPACITY = "capacity"
    QUOTA = "quota"
    AUTH = "auth"
    INVALID = "invalid"
    TRANSIENT = "transient"


class Place(Value):
    """An offer as it was ranked: where a cluster may be launched, and what one node of it costs (USD per
    hour).
    """

    infra: str
    region: str = ""
    zone: str = ""
    instance_type: str
    room: Room
    spot: bool = False
    price_usd_h: float
    on_demand_usd_h: float | None = None
    """What the same costs where it is not spot, if that is known."""

    @property
    def where(self) -> tuple[str, str, str]:
        return self.infra, self.region, self.zone

    @property
    def bought_as(self) -> tuple[bool, str | None]:
        """The pool that a cloud counts it in."""
        return self.spot, self.room.accelerator

    def __str__(self) -> str:
        where = "/".join(part for part in self.where if part)
        return f"{where} {self.instance_type}{' (spot)' if self.spot else ''}"


class Failure(Value):
    """A typed refusal of an infra, with the scope that it speaks for."""

    kind: FailureKind
    scope: Scope
    message: str

    def speaks_for(self, tried: Place, other: Place) -> bool:
        """Whether this refusal at `tried` tells that `other` would refuse too.

        Clouds count quotas apart for spot and on-demand, and for each family of accelerators: AWS by vCPUs of
        a family in a region, GCP by model and `PREEMPTIBLE_`, Azure by family, with one pool for spot.
        """
        if self.kind is FailureKind.QUOTA and tried.bought_as != other.bought_as:
            return False
        match self.scope:
            case Scope.INFRA:
                return other.infra == tried.infra
            case Scope.REGION:
                return other.where[:2] == tried.where[:2]
            case Scope.ZONE:
                return other.where == tried.where
            case Scope.OFFER:
                same_type = other.instance_type == tried.instance_type
                return other.where == tried.where and same_type and other.spot == tried.spot
