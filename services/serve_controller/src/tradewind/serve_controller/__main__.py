"""Runs the service alone: `python -m tradewind.serve_controller`."""

import sys

from tradewind.common.runtime.main import main
from tradewind.serve_controller.app import app

if __name__ == "__main__":
    sys.exit(main(app, service="serve_controller"))
