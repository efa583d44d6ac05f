"""How much of what: the forms in which SkyPilot's task files write CPUs, memory, accelerators, places and
recovery.

Each function takes the text as written and returns the quantity, or raises `Unreadable` with a sentence.
A plain `4` and `4+` mean the same here: at least so much (a Shape knows minima only).
"""

import re
from dataclasses import dataclass

from tradewind.common.contracts.job import OnLoss
from tradewind.common.contracts.values import Recovery

# SkyPilot counts in powers of two whatever the unit is called; so do we.
_GIB_PER_UNIT = {"k": 2.0**-20, "m": 2.0**-10, "g": 1.0, "t": 2.0**10, "p": 2.0**20}
_NUMBER = re.compile(r"(?P<number>\d{1,9}(\.\d{0,9})?|\.\d{1,9})\+?")
_MEMORY = re.compile(
    r"(?P<number>\d{1,9}(\.\d{0,9})?|\.\d{1,9})\s*(?P<unit>[kmgtp])?(i?b|i)?\+?", re.IGNORECASE
)
_RATIO = re.compile(r"(?P<number>\d{1,9}(\.\d{0,9})?|\.\d{1,9})x", re.IGNORECASE)
_KIND = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PLACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]*")
_DEEPEST = 3
"""cloud/region/zone"""


class Unreadable(ValueError):
    """A quantity that cannot be understood. The text says why, and what to write."""


@dataclass(frozen=True, slots=True)
class Accelerators:
    """`count` accelerators of one kind a node."""

    kind: str
    count: int


def cpus(text: str) -> float:
    """vCPUs a node."""
    found = _NUMBER.fullmatch(text.strip())
    if not found or float(found["number"]) == 0:
        raise Unreadable(f"{text!r} is not a number of CPUs: write it as 4, 0.5 or 8+")
    return float(found["number"])


def memory_gib(text: str, cpus: float | None) -> float:
    """GiB a node. `4x` means four times `cpus`, which must be given then."""
    text = text.strip()
    if ratio := _RATIO.fullmatch(text):
        if cpus is None:
            raise Unreadable(
                f"{text!r} counts from `cpus`, which is not given: add `cpus`, or write GiB as in 16"
            )
        amount = float(ratio["number"]) * cpus
    elif found := _MEMORY.fullmatch(text):
        amount = float(found["number"]) * _GIB_PER_UNIT[(found["unit"] or "g").lower()]
    else:
        raise Unreadable(
            f"{text!r} is not an amount of memory: write GiB as in 16 or 16+, or a unit as in 512MB"
        )
    if amount == 0:
        raise Unreadable("0 is no amount of memory: leave `memory` out to ask for none in particular")
    return amount


def accelerators(text: str) -> Accelerators:
    """`H100`, `H100:8`."""
    kind, colon, count = (part.strip() for part in text.partition(":"))
    if colon and kind.isdigit() and not count.isdigit() and _KIND.fullmatch(count):
        raise Unreadable(f"{text!r} has the count first: write {count}:{kind}")
    return Accelerators(accelerator_kind(kind), accelerator_count(count) if colon else 1)


def accelerator_kind(text: str) -> str:
    if not _KIND.fullmatch(text):
        raise Unreadable(f"{text!r} is not the name of an accelerator: write it as H100 or H100:8")
    return text


def accelerator_count(text: str) -> int:
    try:
        count = float(text)
    except ValueError:
        raise Unreadable(f"{text!r} is not a count: write kind and count as in H100:8") from None
    if 0 < count < 1:
        raise Unreadable(f"{text} of an accelerator: shares of one are not supported yet, ask for 1 or more")
    if count < 1 or not count.is_integer():
        raise Unreadable(f"{text} is not a count: write a whole number of 1 or more")
    return int(count)


def infra(text: str) -> str | None:
    """`cloud[/region[/zone]]`; None for anywhere, which `*` means too."""
    parts = [part.strip() for part in text.strip().split("/")]
    while parts and parts[-1] == "*":
        parts.pop()
    if not parts:
        return None
    cloud = {"k8s": "kubernetes"}.get(parts[0].lower(), parts[0].lower())
    rest = parts[1:]
    if cloud == "kubernetes" and rest:
        return f"{cloud}/{'/'.join(rest)}"  # the names of contexts may hold slashes themselves
    if "*" in parts:
        raise Unreadable(
            f"{text!r} has `*` before a name: that is not supported yet, `*` may only stand last"
        )
    if len(parts) > _DEEPEST or not all(map(_PLACE.fullmatch, parts)):
        raise Unreadable(
            f"{text!r} is not a place: write cloud, cloud/region or cloud/region/zone, as in aws/us-east-1"
        )
    return "/".join([cloud, *rest])


def whole(text: str, *, least: int, most: int, what: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text.strip()) or not least <= int(text) <= most:
        raise Unreadable(f"{text!r} is not {what}: write a whole number from {least} to {most}")
    return int(text)


def recovery(text: str) -> Recovery:
    """`EAGER_NEXT_REGION`, `FAILOVER`, in whatever case."""
    if text.strip().upper() == "NONE":
        raise Unreadable(
            "no recovery is not supported yet: a job that lost its node is always started again; leave it out"
        )
    try:
        return Recovery(text.strip().upper())
    except ValueError:
        raise Unreadable(f"{text!r} is not a strategy: write {' or '.join(Recovery)}") from None


def on_loss(text: str) -> OnLoss:
    """`gang`, `rank`."""
    try:
        return OnLoss(text.strip().lower())
    except ValueError:
        raise Unreadable(
            f"{text!r} is nothing to start again: write `gang` for all nodes, or `rank` for the lost one"
        ) from None
