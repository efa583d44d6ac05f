"""A history: what the leader of one service was given in a real run, and what it came to.

A file of JSON lines: the head, and then the lines of `tradewind.common.reactor.journal`, with two differences
that keep it small. Of a row or a message only what has changed since the one before it is written (as a JSON
merge patch, RFC 7386); and folds that came to nothing are left out.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = dict[str, Any]

FOLDER = Path(__file__).parent / "recorded"


@dataclass(frozen=True, slots=True)
class History:
    """`name` is `<scenario>/<service>`; `head` says what happens in it and why it was blessed."""

    name: str
    head: Json
    lines: tuple[Json, ...]

    @property
    def service(self) -> str:
        return self.name.rpartition("/")[2]

    @property
    def folds(self) -> list[Json]:
        return [line["folds"] for line in self.lines if "folds" in line]

    @property
    def expected(self) -> list[Json]:
        """What each fold came to, as it was blessed."""
        return [fold["decided"] for fold in self.folds]

    def expecting(self, decided: Iterable[Json], head: Json) -> "History":
        """The same inputs, and another outcome of each fold."""
        outcomes = iter(decided)
        lines = [
            {"folds": line["folds"] | {"decided": next(outcomes)}} if "folds" in line else line
            for line in self.lines
        ]
        return History(self.name, head, tuple(lines))

    @property
    def text(self) -> str:
        lines = (self.head, *self.lines)
        return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)

    def write(self, folder: Path = FOLDER) -> None:
        path = folder / f"{self.name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.text)


def read(name: str, folder: Path = FOLDER) -> History:
    """Raises FileNotFoundError."""
    head, *lines = (folder / f"{name}.jsonl").read_text().splitlines()
    return History(name, json.loads(head), tuple(json.loads(line) for line in lines))


def names(folder: Path = FOLDER) -> list[str]:
    return sorted(str(path.relative_to(folder).with_suffix("")) for path in folder.rglob("*.jsonl"))


class Abridged:
    """Writes outcomes by what they change. Give it the lines of a history in their order."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, ...], Json] = {}

    def know(self, rows: Iterable[Json]) -> None:
        for row in rows:
            self._last["row", row["kind"], row["state"]["id"]] = row["state"]

    def decided(self, told: Json) -> Json:
        """Without what is empty; of rows and messages what is new in them."""
        return {
            name: value
            for name, value in (told | {"rows": [*self._rows(told)], "outbox": [*self._outbox(told)]}).items()
            if value
        }

    def _rows(self, told: Json) -> Iterator[Json]:
        for row in told["rows"]:
            state = row["state"]
            change = self._change(("row", row["kind"], state["id"]), state)
            yield {"kind": row["kind"], "id": state["id"], "phase": row["phase"], "change": change}

    def _outbox(self, told: Json) -> Iterator[Json]:
        for one in told["outbox"]:
            noun = one["type"].rpartition(".")[0]
            change = self._change((noun, one["subject"].split(".")[0], one["about"]), one["body"])
            yield {"type": one["type"], "subject": one["subject"], "about": one["about"], "change": change}

    def _change(self, thing: tuple[str, ...], now: Json) -> Json:
        before = self._last.get(thing, {})
        self._last[thing] = now
        return merge_patch(before, now)


def merge_patch(before: Json, after: Json) -> Json:
    """What RFC 7386 says to send to make `after` of `before`."""
    patch: Json = {name: None for name in before if name not in after}
    for name, value in after.items():
        old = before.get(name)
        if isinstance(value, dict) and isinstance(old, dict):
            if deeper := merge_patch(old, value):
                patch[name] = deeper
        elif name not in before or old != value:
            patch[name] = value
    return patch
