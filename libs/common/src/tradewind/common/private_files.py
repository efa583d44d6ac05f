"""Files that only their owner may read, and that a crash leaves either whole or as they were."""

import os
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Replace the file by `text` with mode 0600; on return it is on the disk under its name.

    The rename makes it whole for every reader, the two fsyncs make it last a power cut.
    """
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames, new files and removals in `folder` last a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
