"""`python -m tradewind.<service>`: one service, alone in its process."""

import sys
from collections.abc import Callable

from tradewind.common.runtime.app import App
from tradewind.common.runtime.host import run
from tradewind.common.runtime.settings import Settings


def main(make: Callable[[Settings], App], *, service: str) -> int:
    """Runs until it is told to end. 2, and one sentence, where a setting is missing or makes no sense."""
    try:
        settings = Settings.from_env()
        app = make(settings)
    except ValueError as wrong:
        sys.stderr.write(f"tradewind.{service}: {wrong}\n")
        return 2
    run([app], health_port=settings.health_port)
    return 0
