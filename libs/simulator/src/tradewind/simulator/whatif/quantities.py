"""Times, rates and shares as people write them in a workload."""

import re
from collections.abc import Callable

from tradewind.simulator.whatif.fields import Unreadable

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|min|s|m|h|d|w)\s*")
_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*/\s*(s|m|min|h|d|w)")
_SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*(%?)")
LONGEST_S = 10 * 365 * 86_400.0


def seconds(text: str) -> float:
    """`90s`, `1h30m`, `2d`; a bare number is in seconds."""
    text = text.strip().lower()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        total = float(text)
    elif text and (parts := _PART.findall(text)) and not _PART.sub("", text):
        total = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    else:
        raise Unreadable(f"{text!r} is not a time: write it as 90s, 10m, 1h30m or 2d")
    if total > LONGEST_S:
        raise Unreadable(f"{text!r} is more than ten years")
    return total


def some_seconds(text: str) -> float:
    """More than none."""
    if (total := seconds(text)) <= 0:
        raise Unreadable(f"{text!r} is no time at all: write more than 0")
    return total


def per_second(text: str) -> float:
    """`3/h`, `0.5/m`."""
    found = _RATE.fullmatch(text.strip().lower())
    if not found or float(found[1]) == 0:
        raise Unreadable(f"{text!r} is not a rate: write how many in what time, as in 3/h")
    return float(found[1]) / _SECONDS[found[2]]


def share(text: str) -> float:
    """`5%` or `0.05`."""
    found = _SHARE.fullmatch(text.strip())
    value = float(found[1]) / (100 if found[2] else 1) if found else -1.0
    if not 0 <= value <= 1:
        raise Unreadable(f"{text!r} is not a share: write it as 5% or 0.05")
    return value


def whole(low: int, high: int) -> Callable[[str], int]:
    """A reader of whole numbers between these."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise Unreadable(f"{text!r} is not a whole number from {low} to {high}")
        return value

    return read
