"""An input that its service could not take, as a message on `dead.<service>`: same body and headers, and why.

Pure. `dead_letter_box` shows and re-drives them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tradewind.common.contracts.envelope import Packet
from tradewind.common.reactor.aggregate import Ref

REASON = "tw-dead-reason"
ROW = "tw-dead-row"
SUBJECT = "tw-dead-subject"
REDRIVEN = "tw-redriven"
MESSAGE_ID = "Nats-Msg-Id"
MAX_REASON = 1000

# What a sender wrote for the server is not ours to repeat: `Nats-Rollup: all` asks it to purge the stream.
_OF_THE_SERVER = "nats-"
_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


def dead_letter(packet: Packet, *, service: str, why: str, ref: Ref | None = None) -> Packet:
    """The letter in which `service` sets `packet` aside. `ref` is the row that could not take it, if any."""
    headers = _kept(packet.headers)
    headers |= {REASON: " ".join(why.split())[:MAX_REASON], SUBJECT: packet.subject}
    if ref is not None:
        headers[ROW] = f"{ref.kind}/{ref.id}"
    if message_id := packet.headers.get(MESSAGE_ID):
        # Set aside once a row: when the leader dies before its ack, it comes to the same letter again.
        headers[MESSAGE_ID] = "/".join(("dead", service, message_id, *(ref or ())))
    return Packet(f"dead.{service}", headers, packet.body)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A letter as it lies in the stream DEAD. `row` is `kind/id`, or empty."""

    sequence: int
    at: datetime
    service: str
    subject: str
    reason: str
    row: str
    packet: Packet
    """What was set aside, on its own subject."""

    @classmethod
    def read(cls, stored: Packet, *, sequence: int, at: datetime) -> "DeadLetter":
        headers = _kept(stored.headers)
        about = {name: headers.pop(name, "") for name in (REASON, ROW, SUBJECT)}
        return cls(
            sequence=sequence,
            at=at,
            service=stored.subject.removeprefix("dead."),
            subject=about[SUBJECT],
            reason=about[REASON],
            row=about[ROW],
            packet=Packet(about[SUBJECT], headers, stored.body),
        )

    def redriven(self, message_id: str) -> Packet:
        """The input as it is sent again: marked, so that it may wake a parked row, and under another id."""
        return Packet(
            self.subject, {**self.packet.headers, REDRIVEN: "1", MESSAGE_ID: message_id}, self.packet.body
        )


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in headers.items()
        if not name.lower().startswith(_OF_THE_SERVER) and _HEADER_NAME.fullmatch(name)
    }
