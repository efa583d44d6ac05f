"""Names, times, rates, shares, counts and prices as people write them in a script; refused in a sentence."""

import math
import re
from typing import Annotated

from pydantic import BeforeValidator

from tradewind.common import durations

_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*/\s*(min|s|m|h|d|w)")
_SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_NAME = re.compile(r"[^\s/]+")


def _name(written: object) -> str:
    """A place is written `infra/region/zone`. YAML reads a bare `no` as false."""
    if not isinstance(written, str):
        raise ValueError(f"{written!r} is no name: write it in quotes")
    if not written:
        raise ValueError("'' is no name: write one, without `/` and spaces")
    if not _NAME.fullmatch(written):
        raise ValueError(f"{written!r} is no name: write it without `/` and spaces")
    return written


def _seconds(written: object) -> float:
    """`90s`, `1h30m`; a bare number is in seconds."""
    return durations.seconds(str(written))


def _some_seconds(written: object) -> float:
    total = _seconds(written)
    if total == 0:
        raise ValueError("0 is no time at all: write more, as in 1s")
    return total


def _per_hour(written: object) -> float:
    found = _RATE.fullmatch(str(written).strip().lower())
    if not found:
        raise ValueError(f"{written!r} is not a rate: write how often in what time, as in 0.5/h or 3/d")
    return float(found[1]) * 3_600 / durations.seconds(f"1{found[2]}")


def _share(written: object) -> float:
    found = _SHARE.fullmatch(str(written).strip())
    value = float(found[1]) / 100 if found else _number(written)
    if not 0 <= value <= 1:
        raise ValueError(f"{written!r} is not a share: write it as 0.1 or 10%")
    return value


def _count(written: object) -> int:
    if isinstance(written, bool) or not isinstance(written, int) or written < 0:
        raise ValueError(f"{written!r} is not a count: write a whole number such as 4")
    return written


def _some(written: object) -> int:
    if (count := _count(written)) == 0:
        raise ValueError("0 is none: write a whole number from 1 up")
    return count


def _limit(written: object) -> int | None:
    if written == "unlimited" or written is None:
        return None
    if isinstance(written, str):
        raise ValueError(f"{written!r} is not a number of nodes: write a whole number, or `unlimited`")
    return _count(written)


def _amount(written: object) -> float:
    if (value := _number(written)) < 0:
        raise ValueError(f"{written!r} is not an amount: write a number such as 0.5")
    return value


def _positive(written: object) -> float:
    if not _is_number(written):
        raise ValueError(f"{written!r} is not a number: write one above 0, such as 1.5")
    if (value := _number(written)) <= 0:
        raise ValueError(f"{written!r} is not more than 0: write a number such as 1.5")
    return value


def _number(written: object) -> float:
    if not _is_number(written):
        return -math.inf
    return float(str(written))


def _is_number(written: object) -> bool:
    return isinstance(written, int | float) and not isinstance(written, bool) and math.isfinite(written)


Name = Annotated[str, BeforeValidator(_name)]
"""Of a cloud, a region, a zone or a type."""
Seconds = Annotated[float, BeforeValidator(_seconds)]
SomeSeconds = Annotated[float, BeforeValidator(_some_seconds)]
PerHour = Annotated[float, BeforeValidator(_per_hour)]
Share = Annotated[float, BeforeValidator(_share)]
Count = Annotated[int, BeforeValidator(_count)]
Some = Annotated[int, BeforeValidator(_some)]
"""A count from 1 up."""
Limit = Annotated[int | None, BeforeValidator(_limit)]
"""A count; None: unlimited."""
Amount = Annotated[float, BeforeValidator(_amount)]
"""From 0 up: USD per hour, GiB."""
Positive = Annotated[float, BeforeValidator(_positive)]
