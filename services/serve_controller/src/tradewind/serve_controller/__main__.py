"""Runs the service alone: `python -m tradewind.serve_controller`."""

from tradewind.serve_controller.app import app
from tradewind.common.runtime.host import run
from tradewind.common.runtime.settings import Settings

if __name__ == "__main__":
    settings = Settings.from_env()
    run([app(settings)], health_port=settings.health_port)
