"""`python -m tradewind.agent.machine NODE_FOLDER`: the process that stands for a machine where none boots.

It becomes a small shell loop (no Python stays resident) that starts the agent again whenever it ends, and
ends with it when it ended by itself. Its end is the node's: the agent dies with it (`parent`), and whoever
watches it sees to the rest.
"""

import os
import sys
from pathlib import Path

LOOP = Path(__file__).with_name("machine.sh")


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("give the node's folder: python -m tradewind.agent.machine NODE_FOLDER")
    os.execv("/bin/sh", ["sh", str(LOOP), sys.executable, sys.argv[1]])


if __name__ == "__main__":
    main()
