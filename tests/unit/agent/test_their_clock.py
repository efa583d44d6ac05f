"""Two machines whose clocks differ: what is left is counted on one of them."""

from datetime import UTC, datetime, timedelta

import pytest

from tradewind.agent.their_clock import TheirClock

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
"""By their clock; ours says something else, and is not asked."""


class Monotonic:
    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_what_is_left_does_not_depend_on_our_clock() -> None:
    ours = Monotonic(1000)
    clock = TheirClock(ours)
    clock.hear(NOON)
    assert clock.left_s(at(120)) == pytest.approx(120)
    ours.now += 50
    assert clock.left_s(at(120)) == pytest.approx(70)
    ours.now += 100
    assert clock.left_s(at(120)) == pytest.approx(-30)


def test_a_message_that_was_long_on_its_way_does_not_turn_their_clock_back() -> None:
    ours = Monotonic(1000)
    clock = TheirClock(ours)
    clock.hear(NOON)
    ours.now += 60
    clock.hear(at(5))  # sent at 5 s, here at 60 s
    assert clock.left_s(at(120)) == pytest.approx(60)


def test_the_quickest_message_says_most() -> None:
    ours = Monotonic(1000)
    clock = TheirClock(ours)
    clock.hear(at(-30))
    assert clock.left_s(at(120)) == pytest.approx(150)
    clock.hear(NOON)
    assert clock.left_s(at(120)) == pytest.approx(120)


def test_the_next_agent_of_the_machine_knows_what_this_one_knew() -> None:
    ours = Monotonic(1000)
    first, second = TheirClock(ours), TheirClock(ours)
    first.hear(NOON)
    second.learn(None)
    second.learn(first.ahead)
    ours.now += 20
    second.hear(at(-100))
    assert second.left_s(at(120)) == pytest.approx(100)


def test_after_a_reboot_there_is_no_less_time_than_there_is() -> None:
    before, after = Monotonic(5000), Monotonic(3)
    first, second = TheirClock(before), TheirClock(after)
    first.hear(NOON)
    second.learn(first.ahead)
    assert second.left_s(at(120)) >= 120
    second.hear(at(60))
    assert second.left_s(at(120)) == pytest.approx(60)


def test_with_no_word_of_theirs_our_clock_must_do() -> None:
    clock = TheirClock(Monotonic(0))
    assert clock.left_s(datetime.now(UTC) + timedelta(seconds=50)) == pytest.approx(50, abs=5)
