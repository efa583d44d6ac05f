"""`python -m bench.noop_stack`: the local stack, but its machines run noop_node in place of the agent."""

import sys
from functools import partial
from pathlib import Path

from tradewind.local.__main__ import main
from tradewind.provisioner import app as provisioner
from tradewind.provisioner.infra.local import LocalDriver

# By its path, since a machine is told nothing of where we are; -P, so that our modules shadow nobody's.
MACHINE = (sys.executable, "-P", str(Path(__file__).with_name("noop_node.py")))

if __name__ == "__main__":
    provisioner.LocalDriver = partial(LocalDriver, machine=MACHINE)  # type: ignore[misc] # the same, but for what it starts
    sys.exit(main())
