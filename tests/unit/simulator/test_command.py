"""`python -m tradewind.simulator`: what it prints, and how it ends."""

import pytest

from tradewind.jobs_controller.domain import settle
from tradewind.simulator.__main__ import main
from tradewind.simulator.faults import ALL, NONE, UnknownFault, parse
from tradewind.simulator.invariants import one_life_of_a_rank, over_means_over


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
    assert main(["--seeds", "60", "--jobs", "8", "--workers", "1", "--faults", "all"]) == 1
    told = capsys.readouterr().out
    promises = (over_means_over, one_life_of_a_rank)
    assert any(
        f"breaks a promise: {one.__name__}\n  {(one.__doc__ or '').splitlines()[0]}" in told
        for one in promises
    )
    assert "again: ./dev simulate --seed" in told
    assert "not deterministic" not in told


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--faults", "gremlins"], "no fault is named 'gremlins'"),
        (["--faults", "crash=often"], "the rate of crash must be a number"),
        (["--seeds", "0"], "at least 1"),
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
