"""What comes as it happens: events and logs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tradewind.client.records.reading import Json


@dataclass(frozen=True, kw_only=True)
class LogChunk:
    """A piece of what one rank wrote. `offset` counts bytes of that rank's log in that attempt."""

    rank: int
    text: str
    offset: int = 0
    node: str = ""
    attempt: int = 0


@dataclass(frozen=True, kw_only=True)
class LogEnd:
    """The log is over. `exit_code` is the job's, None where it has none."""

    phase: str
    exit_code: int | None = None


@dataclass(frozen=True, kw_only=True)
class Event:
    """One CloudEvent 1.0. `data` holds the public state of the thing it is about, under its noun."""

    id: str
    type: str
    source: str
    subject: str
    time: datetime
    data: Mapping[str, Json] = field(default_factory=dict[str, Json])
    specversion: str = "1.0"
    datacontenttype: str = "application/json"
    workspace: str = "default"
    correlation: str = ""
    cause: str = ""
    traceparent: str = ""

    @property
    def name(self) -> str:
        """`job.running`"""
        return self.type.removeprefix("tradewind.")

    @property
    def level(self) -> Mapping[str, Json]:
        """The public state after the event."""
        return self.data.get(self.name.partition(".")[0]) or {}
