"""What is shown of a followed job, and in which order."""

import io

import pytest

from tradewind.client.cli.follow import Screen


def test_nothing_comes_after_the_last_words(capsys: pytest.CaptureFixture[str]):
    screen = Screen(io.StringIO(), ranks=1)
    screen.beside("job 7: starting")
    screen.close("detached; job 7 goes on")
    screen.beside("job 7: running")  # another thread heard it a moment later
    assert capsys.readouterr().err.splitlines() == ["job 7: starting", "detached; job 7 goes on"]
