"""Which process is meant: a pid alone may by now belong to another one, and a zombie still answers `kill -0`.

Loads little: every `tw` command asks whether the control plane of its home lives.
"""

import importlib
import sys
from pathlib import Path


def started_at(pid: int) -> str | None:
    """When the process started, in words that differ for every process that ever had this pid here.

    None if there is no such process or only its zombie.
    """
    if sys.platform != "linux":
        return _ask_ps(pid, "lstart=")
    try:
        # proc_pid_stat(5): the name, in parentheses, may hold anything; state follows it, starttime is 20th
        # from there.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    if fields[0] in {"Z", "X"}:
        return None
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}/{fields[19]}"


def was_given(pid: int, argument: str) -> bool:
    """Whether a live process has `argument` as one of its command line's words."""
    if sys.platform != "linux":
        return argument in (_ask_ps(pid, "command=") or "")
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")  # empty for a zombie
    except (FileNotFoundError, ProcessLookupError):
        return False
    return argument.encode() in words


def _ask_ps(pid: int, field: str) -> str | None:
    """One field of a process that is no zombie, where there is no /proc (macOS)."""
    subprocess = importlib.import_module("subprocess")  # 15 ms that only macOS needs
    asked = subprocess.run(
        ["ps", "-o", "stat=", "-o", field, "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, value = asked.stdout.strip().partition(" ")
    return None if state[:1] in {"", "Z"} else value.strip()
