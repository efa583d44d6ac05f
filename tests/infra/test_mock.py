"""The infra `mock` with real processes: what its script says befalls machines that run."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from tests.infra.infras import Infra, Mock, until
from tests.integration.provisioner.local_host import marked
from tests.unit.provisioner.given import node as node_row
from tradewind.common.contracts.mock import FailMock, ReclaimMock
from tradewind.common.contracts.values import FailureKind, Scope
from tradewind.common.hands import Transient
from tradewind.provisioner.contracts import InstanceState
from tradewind.provisioner.domain.node_end import cost_usd
from tradewind.provisioner.infra.driver import LaunchRefused, ReclaimNotice
from tradewind.provisioner.infra.mock.by_hand import ByHand
from tradewind.provisioner.infra.mock.driver import MockDriver
from tradewind.provisioner.infra.mock.state_file import StateDamaged

Made = Callable[[str], Mock]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return lambda more: Mock(tmp_path, more)


def test_a_machine_has_an_address_at_once_and_runs_when_it_has_booted(made: Made) -> None:
    mock = made("")
    mock.cloud_script = mock.cloud_script.model_copy(
        update={"boot": mock.cloud_script.boot.model_copy(update={"takes": 1.0})}
    )
    mock.restart()

    async def story(_: Infra) -> None:
        (instance,) = await mock.launch("a")
        assert instance.address.startswith("127.0.")
        assert instance.name == "i-000001"
        assert not mock.runs("a")
        assert (await mock.driver.look("a", instance.name)).state is InstanceState.ALIVE
        await until(lambda: mock.runs("a"))
        machine = mock.mock.cloud.machines["a"]
        assert (datetime.now(machine.launched_at.tzinfo) - machine.launched_at).total_seconds() >= 1.0

    mock.run(story)


def test_a_reclaim_is_noticed_and_then_nothing_is_left(made: Made) -> None:
    mock = made("notice: 500ms")

    async def story(_: Infra) -> None:
        await mock.up("a", "b")
        report = await ByHand([mock.mock]).reclaim(ReclaimMock(node="a"))
        assert report.did == ("a",)
        await until(lambda: bool(mock.told))
        (notice,) = mock.told
        assert isinstance(notice, ReclaimNotice)
        assert mock.runs("a")
        await until(lambda: "a" in mock.ends)
        assert mock.ends["a"].at >= notice.at
        assert not mock.runs("a")
        assert mock.runs("b")

    mock.run(story)


def test_an_outage_ends_every_process_there_without_a_word(made: Made) -> None:
    mock = made("outages: [{zone: us-a, at: 2s, for: 1h}]")

    async def story(_: Infra) -> None:
        await mock.up("a", "b")
        await until(lambda: len(mock.ends) == 2)
        assert not mock.runs("a")
        assert not mock.runs("b")
        assert [type(one).__name__ for one in mock.told] == ["End", "End"]
        with pytest.raises(LaunchRefused) as refused:
            await mock.launch("c", token="other")
        assert (refused.value.failure.kind, refused.value.failure.scope) == (FailureKind.CAPACITY, Scope.ZONE)

    mock.run(story)


def test_a_launch_that_timed_out_is_found_under_its_token(made: Made) -> None:
    mock = made("faults: {lost_answers: 60%}")

    async def story(_: Infra) -> None:
        times_out = 0
        for number in range(3):
            while True:
                try:
                    await mock.launch(f"n{number}", token=f"t{number}")
                    break
                except Transient:
                    times_out += 1
        assert times_out
        assert len(mock.mock.cloud.machines) == 3
        for number in range(3):
            await until(lambda number=number: mock.runs(f"n{number}"))

    mock.run(story)


def test_throttled_calls_and_failed_terminations_are_transient(made: Made) -> None:
    mock = made("faults: {failed_terminates: 1, throttle: {calls: 3, every: 1s}}")

    async def story(_: Infra) -> None:
        (instance,) = await mock.up("a")
        with pytest.raises(Transient, match="was not terminated"):
            await mock.driver.terminate("a", instance.name)
        assert mock.runs("a"), "what was not terminated still runs"
        await mock.driver.survey()
        with pytest.raises(Transient, match="takes 3 calls in 1 s at most"):
            await mock.driver.survey()
        await asyncio.sleep(1.1)
        await mock.driver.terminate("a", instance.name)
        assert not mock.runs("a")

    mock.run(story)


@pytest.mark.parametrize("interrupted", ["before the folder", "before the start"])
def test_a_launch_that_a_crash_interrupted_is_carried_on(made: Made, interrupted: str) -> None:
    mock = made("")

    async def story(_: Infra) -> None:
        await mock.stop_watching()
        first = await mock.launch("a")
        if interrupted == "before the folder":
            mock.mock._host.folder("a").remove()
        await asyncio.sleep(0.2)  # meanwhile it has booted
        mock.restart()
        mock.watch()
        if interrupted == "before the start":
            await until(lambda: mock.runs("a"))
        assert await mock.launch("a") == first
        await until(lambda: mock.runs("a"))

    mock.run(story)


def test_what_a_crash_left_of_ended_and_of_unknown_machines_is_removed(made: Made) -> None:
    mock = made("")

    async def story(_: Infra) -> None:
        await mock.up("a", "b")
        await mock.stop_watching()
        mock.mock.cloud.terminate("a", datetime.now(mock.mock.cloud.state.began_at.tzinfo))  # and we die here
        await mock.mock.save()
        written = mock.home / "mock" / "mock.jsonl"
        lines = written.read_text().splitlines(keepends=True)
        written.write_text("".join(line for line in lines if '"key":"b"' not in line))  # nor was b written
        mock.restart()
        mock.watch()
        folders = mock.home / "nodes"
        await until(lambda: not (folders / "a").exists() and not (folders / "b").exists())
        assert (marked("a"), marked("b")) == ([], [])

    mock.run(story)


def test_a_machine_that_broke_is_not_started_again_by_a_repeated_launch(made: Made) -> None:
    mock = made("")

    async def story(_: Infra) -> None:
        first = await mock.up("a")
        await mock.stop_watching()
        mock.break_machine("a")
        await until(lambda: not mock.is_up("a"))
        assert await mock.launch("a") == first
        assert not mock.is_up("a")
        mock.restart()
        mock.watch()
        await until(lambda: "a" in mock.ends)

    mock.run(story)


def test_an_end_that_was_written_down_and_not_told_is_told_after_a_restart(made: Made) -> None:
    mock = made("")

    async def story(_: Infra) -> None:
        await mock.up("a")
        await mock.stop_watching()
        await ByHand([mock.mock]).reclaim(ReclaimMock(node="a", notice_s=0))  # and we die here
        assert mock.runs("a")
        mock.restart()
        mock.watch()
        await until(lambda: "a" in mock.ends)
        assert mock.ends["a"].at == mock.mock.cloud.machines["a"].ended_at
        assert not mock.runs("a")

    mock.run(story)


def test_notices_are_told_again_after_a_restart_and_reclaims_are_kept(made: Made) -> None:
    mock = made("")

    async def story(_: Infra) -> None:
        await mock.up("a")
        await ByHand([mock.mock]).reclaim(ReclaimMock(node="a", notice_s=1.5))
        await until(lambda: len(mock.told) == 1)
        await mock.stop_watching()
        mock.restart()
        mock.watch()
        await until(lambda: "a" in mock.ends)
        notices = [one for one in mock.told if isinstance(one, ReclaimNotice)]
        assert len(notices) == 2
        assert len(set(notices)) == 1, "the same each time"
        assert mock.ends["a"].at >= notices[0].at

    mock.run(story)


def test_our_money_is_the_ledgers_whatever_happened(made: Made) -> None:
    mock = made("faults: {lost_answers: 30%, failed_terminates: 1}")

    async def story(_: Infra) -> None:
        billed: dict[str, float] = {}

        def bill(name: str, ended_at: datetime) -> None:
            machine = mock.mock.cloud.machines[name]
            row = node_row(place=machine.place, launched_at=machine.launched_at)
            billed[name] = cost_usd(row, ended_at)

        instances = {}
        for name in ("broken", "ended", "reclaimed"):
            while name not in instances:
                try:
                    (instances[name],) = await mock.launch(name, token=name)
                except Transient:
                    continue
            await until(lambda name=name: mock.is_up(name))
        mock.break_machine("broken")
        await until(lambda: "broken" in mock.ends)
        await mock.stop_watching()
        mock.restart()
        mock.watch()
        with pytest.raises(Transient):
            await mock.driver.terminate("ended", instances["ended"].name)
        bill("ended", await mock.driver.terminate("ended", instances["ended"].name))
        await ByHand([mock.mock]).reclaim(ReclaimMock(node="reclaimed", notice_s=0))
        await until(lambda: {"broken", "reclaimed"} <= mock.ends.keys())
        for name in ("broken", "reclaimed"):
            bill(name, mock.ends[name].at)
        ledger = {
            name: one.cost_usd(datetime.max.replace(tzinfo=one.launched_at.tzinfo))
            for name, one in mock.mock.cloud.machines.items()
        }
        assert billed == ledger
        assert sum(ledger.values()) > 0

    mock.run(story)


def test_by_hand_a_zone_fails_with_all_that_runs_there(made: Made) -> None:
    mock = made("")

    async def story(_: Infra) -> None:
        await mock.up("a", "b")
        report = await ByHand([mock.mock]).fail(FailMock(where="us-a", lasts_s=60))
        assert sorted(report.did) == ["a", "b"]
        await until(lambda: len(mock.ends) == 2)
        assert not mock.runs("a")

    mock.run(story)


def test_another_script_begins_anew_and_keeps_the_ledger(made: Made) -> None:
    mock = made("")

    async def story(_: Infra) -> None:
        await mock.launch("a")
        began_at = mock.mock.cloud.state.began_at
        await mock.stop_watching()
        mock.restart()
        assert mock.mock.cloud.state.began_at == began_at
        mock.cloud_script = mock.cloud_script.model_copy(update={"notice": 5.0})
        mock.restart()
        assert mock.mock.cloud.state.began_at > began_at
        assert list(mock.mock.cloud.machines) == ["a"]

    mock.run(story)


def test_a_damaged_state_is_said_with_what_to_do(tmp_path: Path) -> None:
    mock = Mock(tmp_path)
    (tmp_path / "mock").mkdir()
    (tmp_path / "mock" / "mock.jsonl").write_text("{\n")
    with pytest.raises(StateDamaged, match="remove it to begin anew, without its ledger"):
        MockDriver("mock", mock.cloud_script, home=tmp_path)
