"""What happened in a run: a digest of all of it, and its last part as a person can read it."""

import hashlib
from collections import deque
from dataclasses import dataclass
from typing import Any

from tradewind.common.contracts.envelope import Packet, Undecodable, decode
from tradewind.common.contracts.job import JobLevel
from tradewind.common.contracts.rank import AllocationWant, RankSaid
from tradewind.common.contracts.registry import Event, Message
from tradewind.common.reactor.ports import Position

REMEMBERED = 4_000
QUIET = frozenset({"tradewind.said.node", "tradewind.provisioner.surveyed"})
"""Heartbeats and surveys would hide the rest."""


@dataclass(frozen=True, slots=True)
class Moment:
    at: float
    packet: Packet | None
    position: Position | None
    note: str = ""


class History:
    def __init__(self, *, bodies: bool = True) -> None:
        """`bodies`: whether the digest is of all that was said, or only of which messages, and when."""
        self._bodies = bodies
        self._digest = hashlib.blake2b(digest_size=16)
        self._moments: deque[Moment] = deque(maxlen=REMEMBERED)
        self.length = 0

    def stored(self, at: float, packet: Packet, position: Position) -> None:
        self.length += 1
        self._digest.update(
            f"{at}|{position.stream}|{position.sequence}|{packet.headers.get('ce-id')}".encode()
        )
        if self._bodies:
            self._digest.update(packet.body)
        if packet.headers.get("ce-type") not in QUIET:
            self._moments.append(Moment(at, packet, position))

    def note(self, at: float, what: str) -> None:
        self.length += 1
        self._digest.update(f"{at}|{what}".encode())
        self._moments.append(Moment(at, None, None, what))

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()

    def timeline(self, last: int = 60, *, about: str = "") -> list[str]:
        """The last lines; of those that name `about`, if given."""
        chosen = [told for moment in self._moments if about in (told := _told(moment))]
        return chosen[-last:]


def _told(moment: Moment) -> str:
    clock = f"{moment.at:10.3f}"
    if moment.packet is None or moment.position is None:
        return f"{clock}  ⚡ {moment.note}"
    try:
        message = decode(moment.packet).message
    except Undecodable:
        return f"{clock}  {moment.packet.subject} ?"
    sender = moment.packet.headers.get("ce-source", "").removeprefix("tradewind/")
    where = f"{moment.position.stream}#{moment.position.sequence}"
    what = message.type_name.removeprefix("tradewind.")
    return f"{clock}  {where:<14} {_short(sender):<16} {what:<30} {_about(message)}"


def _about(message: Message) -> str:
    match message:
        case Event(level=JobLevel() as job):
            ranks = " ".join(f"{rank.rank}:{rank.phase}@{_short(rank.node)}" for rank in job.ranks)
            return f"{job.id} v{job.version} {job.phase} attempt {job.attempt} {ranks} {job.reason}"
        case Event(level=level):
            phase: Any = getattr(level, "phase", "")
            return f"{level.id} v{level.version} {phase} {getattr(level, 'reason', '')}"
        case AllocationWant():
            attempt = f"attempt {message.attempt} v{message.version}"
            return f"{message.job} {message.goal} {attempt} on {_short(message.node)}"
        case RankSaid():
            end = f"{message.exit_code} {message.reason}"
            return f"{message.fence} {message.phase} {end} on {_short(message.node)}"
        case _:
            return message.about


def _short(name: str) -> str:
    head, _, tail = name.rpartition("/")
    return f"{head}/{tail[:8]}" if head else name[:16]
