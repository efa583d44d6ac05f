"""Runs the service alone: `python -m tradewind.gateway`."""

import sys

from tradewind.common.runtime.main import main
from tradewind.gateway.app import app

if __name__ == "__main__":
    sys.exit(main(app, service="gateway"))
