"""The serve controller as an app."""

from tradewind.common.runtime.app import App
from tradewind.common.runtime.service import ServiceApp
from tradewind.common.runtime.settings import Settings
from tradewind.serve_controller.wiring import wiring


def app(settings: Settings) -> App:
    return ServiceApp(wiring(), settings)
