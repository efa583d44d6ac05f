"""The scheduler as an app."""

from tradewind.common.runtime.app import App
from tradewind.common.runtime.service import ServiceApp
from tradewind.common.runtime.settings import Settings
from tradewind.scheduler.idle_grace import idle_grace
from tradewind.scheduler.wiring import wiring


def app(settings: Settings) -> App:
    """Raises ValueError for a setting that makes no sense."""
    return ServiceApp(wiring(idle_grace()), settings)
