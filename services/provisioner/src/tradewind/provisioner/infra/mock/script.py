"""What a scripted cloud is: where it sells what at which price, and what goes wrong when.

`Script` is the whole file, `CloudScript` one cloud of it. Times are seconds since the cloud began; prices are
USD per hour of one machine. `docs/guides/practise-an-outage.md` shows the form that people write.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from tradewind.common.contracts.values import FailureKind, Place, Room, Scope
from tradewind.provisioner.infra.mock.quantities import (
    Amount,
    Limit,
    Name,
    PerHour,
    Positive,
    Seconds,
    Share,
    Some,
    SomeSeconds,
)
from tradewind.provisioner.infra.mock.strict import Part, nearest, refusal, some

INFRA = "mock"
CENT_OF_A_CENT = 6
"""Digits of a USD amount."""


class Accelerators(Part):
    kind: str
    count: Some = 1


def _accelerators(written: object) -> object:
    """`L4`, `H100:8`."""
    if not isinstance(written, str):
        return written
    kind, colon, count = written.partition(":")
    if not kind or (colon and not count.isdigit()):
        raise ValueError(f"{written!r} names no accelerators: write kind and count, as in H100:8")
    return Accelerators(kind=kind, count=int(count) if colon else 1)


class InstanceType(Part):
    """A kind of machine. `spot_usd_h` None: not sold as spot."""

    vcpus: Positive
    memory_gib: Positive
    accelerators: Annotated[Accelerators | None, BeforeValidator(_accelerators)] = None
    usd_h: Amount
    spot_usd_h: Amount | None = None

    @property
    def room(self) -> Room:
        on_it = self.accelerators
        return Room(
            cpus=self.vcpus,
            memory_gib=self.memory_gib,
            accelerator=on_it.kind if on_it else None,
            accelerator_count=on_it.count if on_it else 0,
        )


class Prices(Part):
    """What one type costs in one region, where that is not the type's price times the region's factor."""

    usd_h: Amount | None = None
    spot_usd_h: Amount | None = None


class Region(Part):
    zones: Annotated[tuple[Name, ...], some("[coast-a, coast-b]")]
    price_factor: Positive = 1.0
    prices: Mapping[str, Prices] = Field(default_factory=dict[str, Prices])
    """By type."""


class Where(Part):
    """Some of a cloud's places: all that every given field names. Spot None: both ways of buying."""

    region: str | None = None
    zone: str | None = None
    type: str | None = None
    spot: bool | None = None

    def covers(self, place: Place) -> bool:
        return (
            self.region in {None, place.region}
            and self.zone in {None, place.zone}
            and self.type in {None, place.instance_type}
            and self.spot in {None, place.spot}
        )

    @property
    def scope(self) -> Scope:
        """The widest for which a refusal here is true."""
        if self.type is not None or self.spot is not None:
            return Scope.OFFER
        if self.zone is not None:
            return Scope.ZONE
        return Scope.REGION if self.region is not None else Scope.INFRA


class Step(Part):
    """From `at` on, so many nodes. None: unlimited."""

    at: Seconds
    nodes: Limit


def _moment(step: Step) -> float:
    return step.at


class Trace(Part):
    """A recorded trace of how many spot nodes a zone had: see `traces`."""

    file: str
    name: str | None = None
    """Which of the traces in the file."""
    offset: Seconds = 0.0
    """Where in the recording the cloud begins."""
    speed: Positive = 1.0
    """So many recorded seconds pass in one."""


class Capacity(Where):
    """How many machines there are at some places, over time. Before the first step: unlimited.

    When it falls below what runs there, the surplus of spot machines is taken away; those on demand stay.
    """

    steps: tuple[Step, ...] = ()
    trace: Trace | None = None
    """Where the steps come from, until they have been read."""

    @model_validator(mode="after")
    def _one_of_both(self) -> "Capacity":
        if bool(self.steps) == (self.trace is not None):
            raise refusal("write `steps: [{at: 0s, nodes: 4}]`, or `trace: {file: FILE}`", path=())
        if list(self.steps) != sorted(self.steps, key=lambda step: step.at):
            raise refusal("must be in the order of time", path=("steps",))
        return self

    def at(self, seconds: float) -> int | None:
        """How many there are then; None: unlimited. A trace may have thousands of steps."""
        past = bisect_right(self.steps, seconds, key=_moment)
        return self.steps[past - 1].nodes if past else None

    def changes_at(self, seconds: float) -> bool:
        past = bisect_right(self.steps, seconds, key=_moment)
        return past > 0 and self.steps[past - 1].at == seconds


class Quota(Where):
    """So many machines or vCPUs may run at once at some places."""

    nodes: Limit = None
    vcpus: Amount | None = None

    @model_validator(mode="after")
    def _some_limit(self) -> "Quota":
        if self.nodes is None and self.vcpus is None:
            raise refusal("limits nothing: write `nodes: 4` or `vcpus: 32`", path=())
        return self


class Refusal(Where):
    """Launches at some places are refused: the `first` so many at each place, or all."""

    kind: FailureKind
    says: Scope | None = None
    """The scope that the refusal speaks for; None: what the fields above name."""
    first: Some | None = None
    at: Seconds = 0.0
    lasts: SomeSeconds | None = Field(default=None, alias="for")
    message: str = ""

    model_config = Part.model_config | {"populate_by_name": True}


class Reclaim(Where):
    """Machines are taken away: `nodes` of those at some places (None: all) at a moment, or each at a rate."""

    spot: bool | None = True
    at: Seconds | None = None
    nodes: Some | None = None
    rate: PerHour | None = None
    """Per hour of one machine."""
    notice: Seconds | None = None
    """None: the cloud's."""

    @model_validator(mode="after")
    def _one_of_both(self) -> "Reclaim":
        if (self.at is None) == (self.rate is None):
            raise refusal("write when, as in `at: 5m`, or how often, as in `rate: 0.5/h`", path=())
        return self


class Outage(Part):
    """A zone, a region or the whole cloud is down: what runs there ends, and nothing can be launched."""

    region: str | None = None
    zone: str | None = None
    at: Seconds
    lasts: SomeSeconds | None = Field(default=None, alias="for")

    model_config = Part.model_config | {"populate_by_name": True}

    @property
    def where(self) -> str:
        """ "" for the whole cloud."""
        return self.zone or self.region or ""


class Throttle(Part):
    """More than `calls` in any stretch of `every` are turned away."""

    calls: Some
    every: SomeSeconds = 1.0


class Faults(Part):
    """What goes wrong with calls that are not refused."""

    lost_answers: Share = 0.0
    """Of launches: they take effect, and the call times out."""
    list_lag: Seconds = 0.0
    """A survey shows what was so long ago: the newest machines are missing, ended ones still there."""
    failed_terminates: Limit = 0
    """So many times each machine's termination fails, before it works."""
    throttle: Throttle | None = None


class Boot(Part):
    """From the launch until the agent is started: `takes`, and up to `spread` more."""

    takes: Seconds = 1.0
    spread: Seconds = 0.0


class CloudScript(Part):
    types: Annotated[dict[Name, InstanceType], some("small: {vcpus: 2, memory_gib: 4, usd_h: 0.10}")]
    regions: Annotated[dict[Name, Region], some("coast: {zones: [coast-a, coast-b]}")]
    boot: Boot = Boot()
    notice: Seconds = 0.0
    """How long before a machine is taken away it is told; 0: not at all."""
    partial_gangs: bool = False
    """Where there is too little for a gang: give what there is (with the refusal), or nothing."""
    capacity: tuple[Capacity, ...] = ()
    quotas: tuple[Quota, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    reclaims: tuple[Reclaim, ...] = ()
    outages: tuple[Outage, ...] = ()
    faults: Faults = Faults()

    @property
    def zones(self) -> tuple[str, ...]:
        return tuple(zone for region in self.regions.values() for zone in region.zones)

    def places(self, infra: str) -> Iterator[Place]:
        """Every way to buy one machine."""
        for name, region in self.regions.items():
            for zone in region.zones:
                for kind, machine in self.types.items():
                    usd_h, spot_usd_h = _prices(kind, machine, region)
                    for spot, price in ((False, usd_h), (True, spot_usd_h)):
                        if price is not None:
                            yield Place(
                                infra=infra,
                                region=name,
                                zone=zone,
                                instance_type=kind,
                                room=machine.room,
                                spot=spot,
                                price_usd_h=price,
                                on_demand_usd_h=usd_h,
                            )

    @model_validator(mode="after")
    def _names_tell_places_apart(self) -> "CloudScript":
        """What is failed or down is named by a zone or a region alone."""
        region_of: dict[str, str] = {}
        for name, region in self.regions.items():
            for ordinal, zone in enumerate(region.zones):
                path = ("regions", name, "zones", ordinal)
                if zone in self.regions:
                    raise refusal(
                        f"{zone!r} is the name of a region: write another, as in {zone}-a", path=path
                    )
                if zone in region_of:
                    taken = f"{zone!r} is a zone of {region_of[zone]!r} already"
                    raise refusal(f"{taken}: write another name", path=path)
                region_of[zone] = name
        return self

    @model_validator(mode="after")
    def _names_are_known(self) -> "CloudScript":
        for field in ("capacity", "quotas", "refusals", "reclaims", "outages"):
            for ordinal, part in enumerate(getattr(self, field)):
                for key, known in (("region", self.regions), ("zone", self.zones), ("type", self.types)):
                    name = getattr(part, key, None)
                    if name is not None and name not in known:
                        raise refusal(
                            f"{name!r} is not one of this cloud: {nearest(name, known)}",
                            path=(field, ordinal, key),
                        )
                self._refuse_stranger(part, path=(field, ordinal, "zone"))
        for name, region in self.regions.items():
            for kind in region.prices.keys() - self.types.keys():
                raise refusal(
                    f"{kind!r} is not one of this cloud's types: {nearest(kind, self.types)}",
                    path=("regions", name, "prices", kind),
                )
        return self

    def _refuse_stranger(self, part: Where | Outage, *, path: tuple[str | int, ...]) -> None:
        """A zone that is not of the region beside it: nothing would ever strike."""
        if part.zone is None or part.region is None or part.zone in self.regions[part.region].zones:
            return
        home = next(name for name, region in self.regions.items() if part.zone in region.zones)
        raise refusal(
            f"{part.zone!r} is in region {home!r}, not in {part.region!r}: write `region: {home}`", path=path
        )


class Script(Part):
    seed: int = 0
    """Of all that is left to chance."""
    clouds: Annotated[dict[Name, CloudScript], some("east: {types: …, regions: …}")]

    def by_infra(self) -> dict[str, CloudScript]:
        """Each cloud is an infra of its own: `mock` where there is one, else `mock-<name>`."""
        if len(self.clouds) == 1:
            return {INFRA: next(iter(self.clouds.values()))}
        return {f"{INFRA}-{name}": cloud for name, cloud in self.clouds.items()}


def _prices(kind: str, machine: InstanceType, region: Region) -> tuple[float, float | None]:
    own = region.prices.get(kind, Prices())
    spot = None if machine.spot_usd_h is None else machine.spot_usd_h * region.price_factor
    return (
        round(machine.usd_h * region.price_factor if own.usd_h is None else own.usd_h, CENT_OF_A_CENT),
        round(own.spot_usd_h, CENT_OF_A_CENT)
        if own.spot_usd_h is not None
        else (None if spot is None else round(spot, CENT_OF_A_CENT)),
    )
