"""Sends the work directory of a task, and shows how far it is."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import BinaryIO

from rich.console import Console
from rich.progress import wrap_file

from tradewind.client.cli.output import note
from tradewind.client.client import Client
from tradewind.client.task import Task
from tradewind.client.workdir import FolderRefused, Packed, pack
from tradewind.common.contracts.task import JobSpec

_WORTH_A_BAR = 8 * 2**20


def with_workdir(client: Client, task: Task) -> JobSpec:
    """The spec of a task, its files being with the control plane.

    Raises:
        TaskRefused: its folder cannot be sent.
    """
    folder = task.folder
    if folder is None:
        return task.spec
    try:
        with pack(folder) as packed:
            for path in packed.left_out:
                note(f"workdir: left out {path}")
            return task.with_files(client.upload_packed(packed, watched=_watched))
    except FolderRefused as why:
        raise task.refused("workdir", str(why)) from why


@contextmanager
def _watched(packed: Packed) -> Generator[BinaryIO]:
    console = Console(stderr=True)
    if packed.size < _WORTH_A_BAR:
        yield packed.file
    elif not console.is_terminal:
        note(f"sending the workdir ({packed.size / 2**20:.0f} MiB)…")
        yield packed.file
    else:
        with wrap_file(
            packed.file, packed.size, description="sending the workdir", console=console, transient=True
        ) as file:
            yield file
