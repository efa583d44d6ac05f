"""Where a scripted cloud is written down: a journal of what changed, folded when it is read.

Each line is one JSON object: the head (when it began, what is down), or the newest value of one key of what
grows (machines, outcomes of launches, …). A change appends a few lines, however many machines there ever
were. A process that begins writes the file anew, whole. A last line without its end was never acted upon.
"""

import asyncio
import hashlib
import json
import os
from collections.abc import Coroutine, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from tradewind.common.private_files import write_private
from tradewind.provisioner.infra.mock.script import CloudScript
from tradewind.provisioner.infra.mock.state import CloudState

GROWS = ("machines", "outcomes", "asked", "tried", "unwilling")
OF_THE_SCRIPT = ("tried", "downs", "advanced_to")
"""What another script begins without."""


class StateDamaged(ValueError):
    """The file of a scripted cloud holds something else. The text says what to do."""


class StateFile:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._writing = asyncio.Lock()
        self._begun = False
        """The file is ours: what it holds is in `_written`."""
        self._written: dict[str, dict[str, object]] = {}

    def load(self, script: CloudScript, now: datetime) -> CloudState:
        """What was written down, or a cloud that begins now. The ledger outlives a change of the script.

        Raises:
            StateDamaged
        """
        digest = hashlib.sha256(script.model_dump_json().encode()).hexdigest()
        try:
            state = read_state(self._path)
        except FileNotFoundError:
            return CloudState(began_at=now, script=digest)
        if state.script == digest:
            return state
        kept = state.model_dump(exclude=set(OF_THE_SCRIPT))
        return CloudState.model_validate({**kept, "began_at": now, "script": digest})

    async def save(self, state: CloudState) -> None:
        """Return once all that the state holds now is on the disk."""
        async with self._writing:
            if self._begun:
                text, write = "".join(self._changes(state)), self._append
            else:
                self._written = {}
                text, write = "".join(self._changes(state)), self._replace
            self._begun = False  # until it is known what the file holds
            await _to_its_end(asyncio.to_thread(write, text))
            self._begun = True

    def _changes(self, state: CloudState) -> Iterator[str]:
        """Lines for what differs from what was written, which they then are."""
        head = state.model_dump_json(include={"began_at", "advanced_to", "script", "downs"})
        yield f'{{"head":{head}}}\n'
        for field in GROWS:
            written = self._written.setdefault(field, {})
            values: dict[str, object] = getattr(state, field)
            for key, value in values.items():
                if written.get(key) is not value and written.get(key) != value:
                    written[key] = value
                    text = value.model_dump_json() if isinstance(value, BaseModel) else json.dumps(value)
                    yield f'{{"of":"{field}","key":{json.dumps(key)},"value":{text}}}\n'

    def _replace(self, text: str) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(self._path, text)

    def _append(self, text: str) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())


def read_state(path: Path) -> CloudState:
    """The state that a file holds, which may be another's who writes on.

    Raises:
        FileNotFoundError, StateDamaged
    """
    try:
        return CloudState.model_validate(_fold(path.read_bytes()))
    except (ValueError, TypeError, KeyError) as error:  # a ValidationError is a ValueError
        raise StateDamaged(f"{path} is damaged: remove it to begin anew, without its ledger") from error


async def _to_its_end(writing: Coroutine[None, None, None]) -> None:
    """Also where it is cancelled: the next write must not overtake it."""
    task = asyncio.create_task(writing)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


def _fold(content: bytes) -> dict[str, Any]:
    """The state as JSON knows it. Raises ValueError, KeyError, TypeError."""
    whole, _, _ = content.rpartition(b"\n")
    state: dict[str, Any] = {field: {} for field in GROWS}
    for line in whole.splitlines():
        entry = json.loads(line)
        if "head" in entry:
            state |= entry["head"]
        else:
            state[entry["of"]][entry["key"]] = entry["value"]
    return state
