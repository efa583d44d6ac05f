"""What a leader folds, written down as it happens: a file for each time that it leads, a JSON object a line.

A journal holds all that the pure part of a service saw, so that a later version of the code can be given the
same and its answers compared (`tests/histories`). Nothing reads one in production.

    {"leads": …}      the living rows that it began with, from which its planner was made
    {"folds": …}      rows that came to be known since the last line, the time, the inputs in their order; and
                      what was decided: rows, messages, intents, refusals
    {"withdrawn": …}  the store forbade what the line before decided; the same inputs follow in two halves
"""

import json
import os
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from tradewind.common.contracts.base import Value
from tradewind.common.contracts.envelope import Envelope, encode
from tradewind.common.reactor.aggregate import Aggregate
from tradewind.common.reactor.fold import Outcome
from tradewind.common.reactor.ports import Lease

MASKED = "(a signed grant)"

Json = dict[str, Any]


class Recorder:
    """Is told what a leader folds. This one keeps nothing of it."""

    def leads(self, lease: Lease, rows: Iterable[Aggregate]) -> None:
        """A leader has read its living rows."""

    def knows(self, rows: Iterable[Aggregate]) -> None:
        """Rows were loaded on demand, or changed by anything but a fold."""

    def folds(self, inputs: Sequence[Envelope], outcome: Outcome, *, now: datetime) -> None:
        """A batch was decided; it is not committed yet."""

    def withdraws(self, why: str) -> None:
        """The store forbade what was decided last."""


class Journal(Recorder):
    """Writes to `folder`, which is made where it is absent. Raises OSError where it cannot."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = -1
        self._known: list[Json] = []

    def leads(self, lease: Lease, rows: Iterable[Aggregate]) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._file >= 0:
            os.close(self._file)
        path = self._folder / f"{lease.service}.{lease.epoch:06}.jsonl"
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._known = []
        self._write("leads", {"service": lease.service, "epoch": lease.epoch, "rows": [*map(row_of, rows)]})

    def knows(self, rows: Iterable[Aggregate]) -> None:
        self._known += map(row_of, rows)

    def folds(self, inputs: Sequence[Envelope], outcome: Outcome, *, now: datetime) -> None:
        known, self._known = self._known, []
        self._write(
            "folds",
            {
                "now": now.isoformat(),
                "known": known,
                "inputs": [*map(input_of, inputs)],
                "decided": decided_of(outcome),
            },
        )

    def withdraws(self, why: str) -> None:
        self._write("withdrawn", {"why": why})

    def _write(self, what: str, told: Json) -> None:
        # At once and unbuffered: the end of a leader may be a kill.
        os.write(self._file, json.dumps({what: told}, ensure_ascii=False).encode() + b"\n")


def row_of(row: Aggregate) -> Json:
    return {"kind": row.kind, "state": compact(row)}


def input_of(envelope: Envelope) -> Json:
    packet = encode(envelope)
    redriven = {"tw-redriven": "yes"} if envelope.redriven else {}
    return {
        "subject": packet.subject,
        "headers": {**packet.headers, **redriven},
        "body": json.loads(packet.body),
    }


def decided_of(outcome: Outcome) -> Json:
    """All of an outcome, in its order. A grant is a signed permission: it is not written down."""
    return {
        "rows": [row_of(row) | {"phase": row.phase_name} for row in outcome.rows.values()],
        "outbox": [
            {
                "type": one.message.type_name,
                "subject": one.message.subject,
                "about": one.message.about,
                "body": compact(one.message),
            }
            for one in outcome.outbox
        ],
        "intents": [
            {"id": one.id, "hand": one.hand, "target": one.target, "order": compact(one.payload)}
            for one in outcome.intents
        ],
        "closed": list(outcome.closed_intents),
        "refusals": [{"input": one.envelope.id, "ref": one.ref, "why": one.why} for one in outcome.refusals],
    }


def compact(value: Value) -> Json:
    """Without what has its default: a field that is added later with one changes nothing here."""
    told: Json = value.model_dump(mode="json", exclude_defaults=True)
    return {**told, "grant": MASKED} if told.get("grant") else told
