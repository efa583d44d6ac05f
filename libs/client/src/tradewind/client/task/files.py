"""Task files on disk."""

from pathlib import Path

from tradewind.client.task.parse import Overrides, Task, parse
from tradewind.client.task.problems import Problem, TaskRefused

_LARGEST = 2**20


def task_from_file(path: str | Path, overrides: Overrides | None = None) -> Task:
    """Read a task file.

    Raises:
        TaskRefused: it cannot be read or understood.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise TaskRefused(
            str(path), [Problem("", f"cannot be read: {(error.strerror or '').lower()}")]
        ) from error
    return task_from_bytes(content, file=str(path), overrides=overrides)


def task_from_bytes(content: bytes, *, file: str, overrides: Overrides | None = None) -> Task:
    """A task from what a file, or standard input, holds.

    Raises:
        TaskRefused
    """
    if len(content) > _LARGEST:
        raise TaskRefused(file, [Problem("", "is larger than 1 MiB, which no task is")])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TaskRefused(file, [Problem("", f"is not UTF-8 text (byte {error.start})")]) from error
    return parse(text, file=file, overrides=overrides)
