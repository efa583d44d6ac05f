"""Time passes when nothing is ready, and only then."""

import asyncio
from datetime import timedelta

import pytest

from tradewind.simulator import virtual_time
from tradewind.simulator.virtual_time import EPOCH, Stuck, TimeStandsStill, VirtualClock, VirtualLoop, run


def test_a_year_passes_at_once_and_to_the_microsecond() -> None:
    async def main(loop: VirtualLoop) -> timedelta:
        clock = VirtualClock(loop)
        await asyncio.sleep(365 * 24 * 3600)
        await asyncio.sleep(0.000_001)
        return clock.now() - EPOCH

    assert run(main) == timedelta(days=365, microseconds=1)


def test_timers_of_one_moment_ring_in_the_order_in_which_they_were_set() -> None:
    async def main(loop: VirtualLoop) -> list[int]:
        rung: list[int] = []
        for number in range(50):
            loop.call_at(1.0, rung.append, number)
        await asyncio.sleep(2)
        return rung

    assert run(main) == list(range(50))


def test_a_cancelled_timer_does_not_ring_nor_hold_time_up() -> None:
    async def main(loop: VirtualLoop) -> float:
        async with asyncio.timeout(60):
            await asyncio.sleep(1)
        for _ in range(3_000):
            loop.call_later(5, pytest.fail).cancel()
        await asyncio.sleep(10)
        return loop.time()

    assert run(main) == 11


def test_what_waits_for_nothing_is_stuck() -> None:
    async def main(loop: VirtualLoop) -> None:
        await asyncio.Event().wait()

    with pytest.raises(Stuck):
        run(main)


def test_what_never_lets_time_pass_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtual_time, "AT_ONE_MOMENT", 1_000)

    async def main(loop: VirtualLoop) -> None:
        while True:  # noqa: ASYNC110 - that is what is tested
            await asyncio.sleep(0)

    with pytest.raises(TimeStandsStill):
        run(main)


def test_a_sleep_shorter_than_a_tick_lasts_a_tick() -> None:
    async def main(loop: VirtualLoop) -> float:
        await asyncio.sleep(1e-9)
        return loop.time()

    assert run(main) == 1e-6
