"""What a what-if was asked for cannot be done."""

from tradewind.client.errors import TradewindError


class WhatIfRefused(TradewindError, ValueError):
    """The text says what is wrong, where, and what to write instead."""
