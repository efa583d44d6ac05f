"""`python -m tradewind.simulator`: what it prints, and how it ends."""

import re
import shlex
from pathlib import Path

import pytest

from tradewind.jobs_controller.domain import settle
from tradewind.simulator import promises
from tradewind.simulator.__main__ import main
from tradewind.simulator.faults import ALL, NONE, UnknownFault, parse


def test_a_seed_that_keeps_its_promises(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seed", "1", "--jobs", "2", "--faults", "none"]) == 0
    told = capsys.readouterr().out
    assert "1 seeds in" in told
    assert "faults: none" in told
    assert "history " in told


def test_a_seed_that_breaks_one_tells_which_and_how_to_see_it_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settle, "_all_ended", lambda job: True)
    words = ["--seeds", "60", "--jobs", "8", "--workers", "1", "--faults", "all", "--no-shrink"]
    assert main(words) == 1
    told = capsys.readouterr().out
    [name] = re.findall(r"breaks a promise: (\w+)", told)
    promise = getattr(promises, name)
    assert promise.__doc__.splitlines()[0] in told
    assert "again: ./dev simulate --seed" in told
    assert "not deterministic" not in told


def test_a_failing_history_is_made_short_and_kept_and_run_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(settle, "_all_ended", lambda job: True)
        words = ["--seeds", "60", "--jobs", "6", "--workers", "1", "--faults", "node_loss=0.005,loss"]
        assert main([*words, "--save", "too-early"]) == 1
        told = capsys.readouterr().out
        assert "are needed for that" in told
        again = next(line for line in told.splitlines() if line.startswith("again: ./dev simulate "))
        kept = tmp_path / "tests" / "simulation" / "cases" / "too-early.json"
        assert main(["--case", str(kept)]) == 1
        shown = shlex.split(again.removeprefix("again: ./dev simulate ").removesuffix(" [--about TEXT]"))
        assert main([*shown, "--no-shrink"]) == 1
    assert main(["--case", str(kept)]) == 0


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--faults", "gremlins"], "no fault is named 'gremlins'"),
        (["--faults", "crash=often"], "the rate of crash must be a number"),
        (["--seeds", "0"], "at least 1"),
        (["--asks", "one"], "must be numbers"),
        (["--case", __file__], "is no case of the simulator"),
    ],
)
def test_what_makes_no_sense_is_told_in_a_sentence(
    words: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert why in capsys.readouterr().err


def test_faults_by_name_and_rate() -> None:
    assert parse("all") == ALL
    assert parse("none") == NONE
    chosen = parse("crash=0.5, loss")
    assert (chosen.crash, chosen.loss, chosen.delay) == (0.5, ALL.loss, 0.0)
    with pytest.raises(UnknownFault):
        parse("crash,")
