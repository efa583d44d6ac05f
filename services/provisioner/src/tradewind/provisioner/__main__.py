"""Runs the provisioner alone: `python -m tradewind.provisioner`."""

import sys

from tradewind.common.runtime.host import run
from tradewind.common.runtime.settings import Settings
from tradewind.provisioner.app import app


def main() -> int:
    try:
        settings = Settings.from_env()
        provisioner = app(settings)
    except ValueError as error:
        print(f"tradewind.provisioner: {error}", file=sys.stderr)
        return 2
    run([provisioner], health_port=settings.health_port)
    return 0


if __name__ == "__main__":
    sys.exit(main())
