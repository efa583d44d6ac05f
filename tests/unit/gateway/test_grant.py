from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.common.contracts.grant import Grant, GrantRefused, sign, verify

KEY = bytes(range(32))
NOW = datetime(2026, 1, 1, tzinfo=UTC)
CLAIMS = Grant(
    workspace="default", job="j", attempt=2, node="n1", spec_ref="r", expires_at=NOW + timedelta(hours=1)
)


def test_what_was_signed_is_what_is_verified() -> None:
    assert verify(KEY, sign(KEY, CLAIMS), NOW) == CLAIMS
    assert sign(KEY, CLAIMS) == sign(KEY, CLAIMS)


@pytest.mark.parametrize(
    ("token", "now", "why"),
    [
        ("", NOW, "not a signed token"),
        ("abc", NOW, "not a signed token"),
        (sign(bytes(32), CLAIMS), NOW, "not signed with this installation's key"),
        (sign(KEY, CLAIMS)[:-1], NOW, "not signed with this installation's key"),
        (sign(KEY, CLAIMS), NOW + timedelta(hours=1), "ran out"),
        (
            sign(KEY, CLAIMS.but(node="n2")).split(".")[0] + "." + sign(KEY, CLAIMS).split(".")[1],
            NOW,
            "not signed with this installation's key",
        ),
    ],
)
def test_refused(token: str, now: datetime, why: str) -> None:
    with pytest.raises(GrantRefused, match=why):
        verify(KEY, token, now)


@given(st.text())
def test_no_text_breaks_it(token: str) -> None:
    with pytest.raises(GrantRefused):
        verify(KEY, token, NOW)
