"""Runs the service alone: `python -m tradewind.scheduler`."""

import sys

from tradewind.common.runtime.main import main
from tradewind.scheduler.app import app

if __name__ == "__main__":
    sys.exit(main(app, service="scheduler"))
