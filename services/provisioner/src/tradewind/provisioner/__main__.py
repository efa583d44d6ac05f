"""Runs the service alone: `python -m tradewind.provisioner`."""

import sys

from tradewind.common.runtime.main import main
from tradewind.provisioner.app import app

if __name__ == "__main__":
    sys.exit(main(app, service="provisioner"))
