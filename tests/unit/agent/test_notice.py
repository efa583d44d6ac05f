"""How the time that is left of a node is shared out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.agent.domain.notice import LATE_GRACE_S, LEAST_S, MARGIN_S, grace_s, saving_s


@pytest.mark.parametrize(
    ("grace", "left", "saves", "then"),
    [
        (15, 120, 103, 15),  # AWS: two minutes
        (15, 30, 14, 14),  # Google, Azure: half a minute
        (15, 22, 10, 10),
        (60, 120, 59, 59),
        (0, 30, 28, 0),
        (15, 4, 1, 1),
        (15, 3.9, 0, 1.9),
        (15, 0, 0, LATE_GRACE_S),
        (15, -300, 0, LATE_GRACE_S),
        (0.5, -300, 0, 0.5),
    ],
)
def test_commands_and_grace_share_what_is_left(grace: float, left: float, saves: float, then: float) -> None:
    assert saving_s(grace, left) == pytest.approx(saves)
    assert grace_s(grace, left - saving_s(grace, left)) == pytest.approx(then)


def test_a_plain_stop_has_its_whole_grace() -> None:
    assert grace_s(15, None) == 15


@given(st.floats(0, 3600), st.floats(-3600, 7200))
def test_all_is_over_before_the_node_goes(grace: float, left: float) -> None:
    saves = saving_s(grace, left)
    then = grace_s(grace, left - saves)
    assert 0 <= then <= grace
    assert saves == 0 or saves >= LEAST_S
    if left >= MARGIN_S + LATE_GRACE_S:
        assert saves + then <= left - MARGIN_S + 1e-6
