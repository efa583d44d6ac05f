"""How what is decided now differs from what was blessed, for a person to judge."""

import json
from collections.abc import Iterator
from difflib import unified_diff

from tests.histories.history import History, Json

SHOWN = 3
"""Folds: what follows from the first difference differs too."""


def differences(history: History, now: list[Json]) -> str:
    """Empty where there is none."""
    differing = [
        _told(number, fold, decided)
        for number, (fold, decided) in enumerate(zip(history.folds, now, strict=True), 1)
        if fold["decided"] != decided
    ]
    if not differing:
        return ""
    more = f"\n… and {len(differing) - SHOWN} more folds differ" if len(differing) > SHOWN else ""
    return (
        "\n\n".join(differing[:SHOWN]) + f"{more}\n\nIf that is what you want:\n"
        f'    ./dev histories bless {history.name} --reason "…"'
    )


def _told(number: int, fold: Json, now: Json) -> str:
    inputs = ", ".join(
        f"{one['headers']['ce-type']} {one['headers']['ce-subject']}" for one in fold["inputs"]
    )
    diff = unified_diff(
        _lines(fold["decided"]), _lines(now), "as it was blessed", "as it is decided now", lineterm="", n=2
    )
    return f"fold {number}, of {inputs or 'no input'} at {fold['now']}:\n" + "\n".join(diff)


def _lines(decided: Json) -> list[str]:
    return [line for name, value in sorted(decided.items()) for line in _lines_of(name, value)]


def _lines_of(name: str, value: object) -> Iterator[str]:
    """A line a leaf, each with the whole way to it."""
    if isinstance(value, dict) and value:
        for key, deeper in value.items():
            yield from _lines_of(f"{name}.{key}", deeper)
    elif isinstance(value, list) and value:
        for place, deeper in enumerate(value):
            yield from _lines_of(f"{name}[{place}]", deeper)
    else:
        yield f"{name} = {json.dumps(value, ensure_ascii=False)}"
