"""Makes a history of the journals of a real run: abridged, and proven to fold to what it came to then."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.histories.differing import differences
from tests.histories.history import Abridged, History, Json
from tests.histories.refold import refold

EMPTY: Json = {}


class NotAsItHappened(Exception):
    """The journal, folded again at once, comes to something else: the fold depends on what is not in it."""


def histories_of(journals: Path, *, scenario: str, head: Json) -> Iterator[History]:
    """One for each service that has decided something.

    Raises:
        NotAsItHappened
    """
    services = sorted({path.name.split(".")[0] for path in journals.glob("*.jsonl")})
    for service in services:
        lines = [line for path in sorted(journals.glob(f"{service}.*.jsonl")) for line in _read(path)]
        if not any("folds" in line for line in lines):
            continue
        whole = _abridged(History(f"{scenario}/{service}", head, tuple(lines)))
        _prove(whole)
        short = History(whole.name, head, tuple(_without_idle(whole.lines)))
        yield short if _folds_the_same(short) else whole


def _read(path: Path) -> Iterator[Json]:
    return (json.loads(line) for line in path.read_text().splitlines())


def _abridged(history: History) -> History:
    abridged = Abridged()
    decided: list[Json] = []
    for line in history.lines:
        if "leads" in line:
            abridged = Abridged()
            abridged.know(line["leads"]["rows"])
        elif "folds" in line:
            abridged.know(line["folds"]["known"])
            decided.append(abridged.decided(line["folds"]["decided"]))
    return history.expecting(decided, history.head)


def _prove(history: History) -> None:
    if differing := differences(history, refold(history)):
        raise NotAsItHappened(f"{history.name}\n{differing}")


def _folds_the_same(history: History) -> bool:
    return not differences(history, refold(history))


def _without_idle(lines: Iterable[Json]) -> Iterator[Json]:
    """Heartbeats that changed nothing, and their like."""
    for line in lines:
        fold = line.get("folds", EMPTY)
        if not fold or fold["decided"] or fold["known"]:
            yield line
