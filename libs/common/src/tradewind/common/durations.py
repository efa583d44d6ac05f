"""Times as people write them: `90s`, `5m`, `1h30m`. Light to load: the command line reads them too."""

import re

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|min|s|m|h|d|w)\s*")
_BARE = re.compile(r"\d+(\.\d+)?")
LONGEST_S = 10 * 365 * 86_400.0
"""Ten years: what is longer is a slip."""


def seconds(written: str) -> float:
    """A bare number is in seconds. Raises ValueError, with a sentence."""
    text = written.strip().lower()
    parts = _PART.findall(text)
    if _BARE.fullmatch(text):
        total = float(text)
    elif parts and not _PART.sub("", text):
        total = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    else:
        raise ValueError(f"{written!r} is not a time: write it as 90s, 5m or 1h30m")
    if total > LONGEST_S:
        raise ValueError(f"{written!r} is more than ten years: write it as 90s, 5m or 1h30m")
    return total
