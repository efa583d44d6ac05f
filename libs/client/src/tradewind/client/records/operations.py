"""How the control plane is."""

from dataclasses import dataclass
from datetime import datetime

from tradewind.client.records.reading import Json


@dataclass(frozen=True, kw_only=True)
class Service:
    """How far one service of the control plane is behind. `ok` is its own summary."""

    service: str
    stream: str
    pending: int
    unacked: int
    ok: bool
    last_active: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """An input that a service could not take in; it waits for a person."""

    seq: int
    service: str
    why: str
    type: str
    about: str
    subject: str
    time: datetime | None = None
    body: Json = None
