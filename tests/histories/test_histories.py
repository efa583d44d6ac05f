"""What was decided in real runs is decided again, unless somebody said why not."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from tests.histories.__main__ import bless
from tests.histories.differing import differences
from tests.histories.history import FOLDER, merge_patch, names, read
from tests.histories.refold import refold
from tradewind.jobs_controller.domain import decide

NAMES = names()

AT_MOST = 200_000
GRANT = "eyJ"
"""As every signed grant begins: `{"` in base64."""
ONE = "recovery/jobs_controller"


def test_every_service_that_decides_has_histories() -> None:
    services = {name.rpartition("/")[2] for name in NAMES}
    assert services == {"jobs_controller", "scheduler", "optimizer", "provisioner"}


@pytest.mark.parametrize("name", NAMES)
def test_a_history_is_decided_as_before(name: str) -> None:
    history = read(name)
    if differing := differences(history, refold(history)):
        pytest.fail(f"{name}: {history.head['told']}\n\n{differing}", pytrace=False)


@pytest.mark.parametrize("name", NAMES)
def test_each_blessing_has_its_reason(name: str) -> None:
    blessed = read(name).head["blessed"]
    assert blessed, "it was recorded at least"
    assert all(len(one["reason"].strip()) >= 10 and one["on"] for one in blessed)


@pytest.mark.parametrize("name", NAMES)
def test_a_history_is_small_and_holds_no_grant(name: str) -> None:
    text = read(name).text
    assert len(text) < AT_MOST
    assert GRANT not in text


def test_another_decision_is_shown_and_can_be_blessed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(FOLDER / "recovery", tmp_path / "recovery")
    monkeypatch.setattr(decide, "SOON", timedelta(seconds=31))
    before = read(ONE, tmp_path)
    told = differences(before, refold(before))
    assert "wake_at" in told
    assert f"./dev histories bless {ONE} --reason" in told
    assert bless(ONE, reason="so", folder=tmp_path) == 2
    assert bless("another", reason="jobs ask a second later", folder=tmp_path) == 2
    assert bless("recovery", reason="jobs ask a second later", folder=tmp_path) == 0
    after = read(ONE, tmp_path)
    assert differences(after, refold(after)) == ""
    assert [one["reason"] for one in after.head["blessed"]][-1] == "jobs ask a second later"
    # What did not differ is left as it was.
    assert read("recovery/scheduler", tmp_path) == read("recovery/scheduler")
    assert "is blessed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("before", "after", "patch"),
    [
        ({"a": 1}, {"a": 1}, {}),
        ({"a": 1}, {"a": 2}, {"a": 2}),
        ({"a": 1}, {}, {"a": None}),
        ({}, {"a": None}, {"a": None}),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, {"a": {"c": 3}}),
        ({"a": [1]}, {"a": [1, 2]}, {"a": [1, 2]}),
        ({"a": {"b": 1}}, {"a": 1}, {"a": 1}),
    ],
)
def test_what_has_changed(before: dict[str, object], after: dict[str, object], patch: object) -> None:
    assert merge_patch(before, after) == patch
