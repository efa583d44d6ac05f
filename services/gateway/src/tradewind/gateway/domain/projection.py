"""Events folded into rows of the read model. Pure: the store then takes a row only if it is newer than what
it has.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from tradewind.common.contracts.envelope import Envelope
from tradewind.common.contracts.job import JobEvent, JobLevel
from tradewind.common.contracts.registry import Event, Level
from tradewind.gateway.domain.job_views import JobItem

SHOWN = frozenset({"workflow", "claim", "placement", "cluster", "node", "infra"})
"""Nouns whose levels are shown. The others only leave their events."""


@dataclass(frozen=True, slots=True)
class Heard:
    """An event with its place in the stream, and its body as it came."""

    envelope: Envelope
    sequence: int
    workspace: str
    body: bytes


@dataclass(frozen=True, slots=True)
class JobRow:
    level: JobLevel
    view: str
    """The JobItem, as JSON: a page of jobs is these, joined."""
    ranks: str


@dataclass(frozen=True, slots=True)
class LevelRow:
    noun: str
    level: Level
    phase: str
    name: str | None
    claim: str | None
    body: str


@dataclass(slots=True)
class Changes:
    """What a batch of events comes to: the newest level of each thing, and every event."""

    observed_at: datetime
    jobs: dict[str, JobRow] = field(default_factory=dict[str, JobRow])
    levels: dict[tuple[str, str], LevelRow] = field(default_factory=dict[tuple[str, str], LevelRow])
    events: list[Heard] = field(default_factory=list[Heard])


def project(heard: Iterable[Heard], *, now: datetime) -> Changes:
    changes = Changes(now)
    newest_jobs: dict[str, JobLevel] = {}
    newest: dict[tuple[str, str], tuple[str, Level]] = {}
    for one in heard:
        message = one.envelope.message
        if not isinstance(message, Event):
            continue
        changes.events.append(one)
        level = message.level
        if isinstance(message, JobEvent):
            if level.id not in newest_jobs or newest_jobs[level.id].version < level.version:
                newest_jobs[level.id] = message.job
        elif message.noun in SHOWN:
            key = (message.noun, level.id)
            if key not in newest or newest[key][1].version < level.version:
                newest[key] = (message.noun, level)
    # Rendered once a thing, not once an event.
    changes.jobs = {id: _job_row(job, now) for id, job in newest_jobs.items()}
    changes.levels = {key: _level_row(noun, level) for key, (noun, level) in newest.items()}
    return changes


def _job_row(job: JobLevel, now: datetime) -> JobRow:
    ranks = "[" + ",".join(rank.model_dump_json() for rank in job.ranks) + "]"
    return JobRow(job, JobItem.of(job, observed_at=now).model_dump_json(), ranks)


def _level_row(noun: str, level: Level) -> LevelRow:
    return LevelRow(
        noun=noun,
        level=level,
        phase=str(getattr(level, "phase", "")),
        name=getattr(level, "name", None),
        claim=getattr(level, "claim", None),
        body=level.model_dump_json(),
    )
