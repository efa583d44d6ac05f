"""What is asked of a node, and what a node and an offer are."""

from dataclasses import dataclass


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
    """An offer: one node of it costs `price_usd_h` an hour, and `on_demand_usd_h` where it is not spot."""

    infra: str
    instance_type: str
    price_usd_h: float
    on_demand_usd_h: float | None = None
    room: Room
    region: str = ""
    zone: str = ""
    spot: bool = False

    def __str__(self) -> str:
        return "/".join(part for part in (self.infra, self.region, self.zone) if part)
