"""Times as people write them."""

import pytest

from tradewind.common.durations import seconds


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("90s", 90),
        ("5m", 300),
        ("5min", 300),
        ("1h30m", 5400),
        ("2d", 172800),
        ("250ms", 0.25),
        ("7", 7),
        ("1.5H", 5400),
    ],
)
def test_a_time(written: str, meant: float) -> None:
    assert seconds(written) == meant


@pytest.mark.parametrize("written", ["", "soon", "-5s", "5 apples", "5m later", "nan", "inf", "99999d"])
def test_what_is_no_time(written: str) -> None:
    with pytest.raises(ValueError, match="write it as 90s, 5m or 1h30m"):
        seconds(written)
