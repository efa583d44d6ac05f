"""What can be had, and what it costs."""

from dataclasses import dataclass

from tradewind.client.records.shapes import Place


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
class OwnOffer:
    """What an infra without a catalog yields: up to `max_nodes` nodes of one kind."""

    max_nodes: int | None
    place: Place
    in_use: int = 0


@dataclass(frozen=True, kw_only=True)
class Infra:
    name: str
    enabled: bool
    why: str = ""
    offers: tuple[OwnOffer, ...] = ()
