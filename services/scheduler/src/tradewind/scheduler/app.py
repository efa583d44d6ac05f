"""The scheduler as an app."""

import os
from datetime import timedelta

from tradewind.common.runtime.app import App
from tradewind.common.runtime.service import ServiceApp
from tradewind.common.runtime.settings import Settings
from tradewind.scheduler.wiring import IDLE_GRACE, wiring


def app(settings: Settings) -> App:
    """TRADEWIND_IDLE_GRACE_S sets for how many seconds idle nodes of job claims are kept."""
    chosen = os.environ.get("TRADEWIND_IDLE_GRACE_S")
    return ServiceApp(wiring(timedelta(seconds=float(chosen)) if chosen else IDLE_GRACE), settings)
