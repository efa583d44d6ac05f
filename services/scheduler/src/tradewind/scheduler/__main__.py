"""Runs the service alone: `python -m tradewind.scheduler`."""

from tradewind.common.runtime.host import run
from tradewind.common.runtime.settings import Settings
from tradewind.scheduler.app import app

if __name__ == "__main__":
    settings = Settings.from_env()
    run([app(settings)], health_port=settings.health_port)
