"""Numbers as people read them. Pure."""

from datetime import UTC, datetime, timedelta

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


def duration(spent: timedelta) -> str:
    """`2d 3h`, `5m 12s`, `0.4s`: the two largest units."""
    seconds = spent.total_seconds()
    if seconds < 10:
        return f"{max(seconds, 0):.1f}s"
    parts: list[str] = []
    rest = int(seconds)
    for size, unit in _UNITS:
        if rest >= size or parts:
            parts.append(f"{rest // size}{unit}")
            rest %= size
    return " ".join(part for part in parts[:2] if not part.startswith("0"))


def ago(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return "-"
    seconds = int((now - moment).total_seconds())
    if seconds < 1:
        return "now"
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds // size}{unit} ago"
    return "now"


def usd(amount: float | None) -> str:
    """Cents, or more digits where cents would hide it."""
    if amount is None:
        return "-"
    return f"${amount:.2f}" if amount >= 1 or amount == 0 else f"${amount:.4f}"


def number(amount: float) -> str:
    return f"{amount:g}"


def clock(moment: datetime, *, digits: int = 3) -> str:
    """The time of day here, with so many digits of the second."""
    whole, _, part = moment.astimezone().strftime("%H:%M:%S.%f").partition(".")
    return f"{whole}.{part[:digits]}" if digits else whole


def now() -> datetime:
    return datetime.now(UTC)
