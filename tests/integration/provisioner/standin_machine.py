"""A machine with an agent, as plain as can be: `standin_machine.py NODE_FOLDER`.

The machine starts an agent, again whenever that fails, and ends when the agent ends by itself. The agent
starts two tasks: one in a session of its own, and one with an empty environment.
"""

import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType


def machine(folder: Path) -> None:
    while subprocess.run([sys.executable, __file__, str(folder), "agent"], check=False).returncode:
        time.sleep(0.05)


def agent(folder: Path) -> None:
    def stop(number: int, frame: FrameType | None) -> None:
        (folder.parent / f"{folder.name}.stopped").touch()
        sys.exit(0)

    signal.signal(signal.SIGTERM, stop)
    task = ["sleep", "300"]
    subprocess.Popen(task, start_new_session=True)
    subprocess.Popen(["setsid", "env", "-i", *task])
    (folder / "agent.up").touch()
    while True:
        signal.pause()


if __name__ == "__main__":
    where = Path(sys.argv[1])
    agent(where) if sys.argv[2:] else machine(where)
