"""Questions before something that cannot be taken back: money spent, work ended."""

import sys

import click

from tradewind.client.errors import TradewindError


class NobodyToAsk(TradewindError, ValueError):
    """There is no terminal to ask on, and nobody agreed beforehand."""


def agree(question: str, *, told: str, default: bool = True) -> None:
    """Go on only if the person says yes. `told` says what would be done where there is nobody to ask.

    Raises:
        click.Abort: the person said no.
        NobodyToAsk
    """
    if not can_ask():
        raise NobodyToAsk(f"{told}: say -y to agree, there is no terminal to ask on")
    click.confirm(question, default=default, abort=True, err=True)


def can_ask() -> bool:
    return sys.stdin.isatty()
