"""The agent says which it is without looking it up: that would cost a tenth of its start."""

from importlib.metadata import version

from tradewind.agent import __version__


def test_it_is_the_distributions() -> None:
    assert __version__ == version("tradewind-agent")
