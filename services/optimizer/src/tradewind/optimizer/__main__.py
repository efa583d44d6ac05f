"""Runs the service alone: `python -m tradewind.optimizer`."""

import sys

from tradewind.common.runtime.main import main
from tradewind.optimizer.app import app

if __name__ == "__main__":
    sys.exit(main(app, service="optimizer"))
