"""What a cloud offers: one machine type in one place at one price, and the source that says so."""

from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple

Arch = Literal["x86_64", "arm64"]


class OfferKey(NamedTuple):
    """What no two offers share. The accelerator is part of it: on GCP an n1 host takes several."""

    infra: str
    region: str
    zone: str | None
    instance_type: str
    accelerator: str | None
    accelerator_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One whole machine for one hour, in US dollars.

    A price is always above 0: what a source gives as 0 or leaves out is unknown, never free.
    `zone` None means any zone of the region. `accelerator` is a canonical name (`accelerators.py`) and
    `accelerator_count` is 0 without one. `source` is the `Cloud.source` that the facts come from.
    """

    infra: str
    region: str
    zone: str | None
    instance_type: str
    vcpus: float
    memory_gib: float
    arch: Arch
    accelerator: str | None
    accelerator_count: int
    price_usd_h: float
    spot_usd_h: float | None
    source: str

    @property
    def key(self) -> OfferKey:
        return OfferKey(
            self.infra, self.region, self.zone, self.instance_type, self.accelerator, self.accelerator_count
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """A cloud, and who says what its machines cost.

    `source` is repository@commit and `source_path` the file in it. `as_of` is the day of the prices; where
    the source has no date (`as_of_exact` False) it is a day by which they were published: they may be older.
    """

    infra: str
    name: str
    source: str
    source_path: str
    as_of: date
    as_of_exact: bool
    notes: tuple[str, ...] = ()

    @property
    def dated(self) -> str:
        """The age of the prices as a person reads it: `2026-05-20`, or `by 2026-11-22`."""
        return self.as_of.isoformat() if self.as_of_exact else f"by {self.as_of.isoformat()}"
