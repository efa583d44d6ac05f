"""Runs the service alone: `python -m tradewind.jobs_controller`."""

import sys

from tradewind.common.runtime.main import main
from tradewind.jobs_controller.app import app

if __name__ == "__main__":
    sys.exit(main(app, service="jobs_controller"))
