"""`python -m tradewind.simulator`: what it prints, and how it ends."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tradewind.jobs_controller.domain import settle
from tradewind.simulator import promises
from tradewind.simulator.__main__ import main
from tradewind.simulator.faults import ALL, NONE, UnknownFault, parse
from tradewind.simulator.seen import Seen
from tradewind.simulator.telling import idle_end_cut


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
        (["--faults", "crash=-1"], "the rate of crash must be in 0..1 (a chance), not -1"),
        (["--faults", "crash=1.5"], "the rate of crash must be in 0..1 (a chance), not 1.5"),
        (["--faults", "crash=nan"], "the rate of crash must be in 0..1 (a chance), not nan"),
        (["--faults", "restart=-1"], "the rate of restart must be 0 or more (a second), not -1"),
        (["--faults", "restart=inf"], "the rate of restart must be 0 or more (a second), not inf"),
        (
            ["--strikes", "nonsense#1"],
            "'nonsense#1' names no strike: write KIND#N or KIND@PLACE#N, with a KIND of",
        ),
        (["--strikes", "crash@scheduler"], "'crash@scheduler' names no strike"),
        (["--strikes", "crash@scheduler#0"], "'crash@scheduler#0' names no strike"),
        (["--strikes", "crash@#1"], "'crash@#1' names no strike"),
        (["--asks", "one"], "must be numbers"),
        (["--jobs", "2", "--asks", "1,99"], "seed 1 asks for nothing with the number 99: there are 1"),
        (["--seeds", "0"], "--seeds must be more than 0, not 0"),
        (["--jobs", "0"], "--jobs must be more than 0"),
        (["--minutes", "0"], "--minutes must be more than 0"),
        (["--minutes", "nan"], "--minutes must be more than 0"),
        (["--workers", "0"], "--workers must be more than 0"),
        (["--failures", "0"], "--failures must be more than 0"),
        (["--until", "-5"], "--until must be more than 0, not -5"),
        (["--until", "inf"], "--until must be more than 0"),
        (["--case", __file__], "is no case of the simulator"),
        (["--case", "nofile"], "nofile cannot be read: No such file or directory"),
        (["--case", str(Path(__file__).parent)], "cannot be read: Is a directory"),
    ],
)
def test_what_makes_no_sense_is_told_in_a_sentence(
    words: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert why in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"asks": None}, "asks: Input should be a valid tuple"),
        ({"faults_end_s": "late"}, "'late'"),
        ({"faults": {"gremlins": 1}}, "gremlins"),
        ({"faults": {"crash": "often"}}, "'often'"),
        ({"faults": []}, "'items'"),
        ({"seed": "one"}, "'one'"),
        ({"strikes": ["nonsense#1"]}, "'nonsense#1' names no strike"),
    ],
)
def test_a_file_that_is_no_case_is_told(
    change: dict[str, object], why: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    case = {"name": "a", "why": "", "promise": "p", "seed": 1, "faults": {}, "strikes": [], "asks": []}
    path = tmp_path / "case.json"
    path.write_text(json.dumps(case | change))
    assert main(["--case", str(path)]) == 2
    told = capsys.readouterr().err
    assert len(told.splitlines()) == 1
    assert f"{path} is no case of the simulator" in told
    assert why in told


def test_a_strike_that_did_not_come_about_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--seed", "5", "--jobs", "2", "--strikes", "crash@nobody#1,loss@scheduler#99999"]
    assert main(words) == 2
    told = capsys.readouterr()
    assert "0 failed" in told.out
    assert "2 of these strikes did not come about: crash@nobody#1, loss@scheduler#99999" in told.err


def test_strikes_that_come_about_are_no_trouble() -> None:
    words = ["--seed", "6", "--jobs", "2", "--faults", "garbage=1"]
    assert main([*words, "--strikes", "garbage#1"]) == 0
    assert main([*words, "--strikes", "", "--asks", ""]) == 0


def test_a_failing_history_is_told_without_its_idle_end(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never_kept(_seen: Seen) -> Iterator[str]:
        """Nobody can keep this."""
        yield "as ever"

    monkeypatch.setattr(promises, "AT_THE_END", (never_kept,))
    assert main(["--seed", "6", "--jobs", "2", "--faults", "none"]) == 1
    timeline = capsys.readouterr().out.split("\n\n")[1].splitlines()
    assert re.fullmatch(r" +… \d\d lines of an idle world …", timeline[-1])
    assert len(timeline) < 10


def test_only_the_idle_end_of_a_timeline_is_left_out() -> None:
    said = "    12.000  EVENTS#3    jobs_controller  job.ended    a v3 failed attempt 1"
    survey = "   700.000  SAID#9      provisioner/survey hand.surveyed    hosts"
    infra = "   701.000  EVENTS#4    provisioner      infra.restated   scripted v7"
    over = "  7803.000  ⚡ nothing fails any more"
    assert idle_end_cut([survey, said]) == [survey, said]
    assert idle_end_cut([survey, said, over, survey, infra, over]) == [
        survey,
        said,
        "            … 4 lines of an idle world …",
    ]
    assert idle_end_cut([said, survey, "  9.000  ⚡ broken: x"])[-1] == "  9.000  ⚡ broken: x"


def test_faults_by_name_and_rate() -> None:
    assert parse("all") == ALL
    assert parse("none") == NONE
    chosen = parse("crash=0.5, loss")
    assert (chosen.crash, chosen.loss, chosen.delay) == (0.5, ALL.loss, 0.0)
    with pytest.raises(UnknownFault):
        parse("crash,")
