"""Where a scripted cloud is written down: machines, ledger and all that it remembers, whole or not at all."""

import asyncio
import hashlib
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from tradewind.common.private_files import write_private
from tradewind.provisioner.infra.mock.script import CloudScript
from tradewind.provisioner.infra.mock.state import CloudState


class StateDamaged(ValueError):
    """The file of a scripted cloud holds something else. The text says what to do."""


class StateFile:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._writing = asyncio.Lock()
        self._wanted = 0
        self._written = 0

    def load(self, script: CloudScript, now: datetime) -> CloudState:
        """What was written down, or a cloud that begins now. The ledger outlives a change of the script.

        Raises:
            StateDamaged
        """
        digest = hashlib.sha256(script.model_dump_json().encode()).hexdigest()
        try:
            state = CloudState.model_validate_json(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return CloudState(began_at=now, script=digest)
        except (ValidationError, UnicodeDecodeError) as error:
            raise StateDamaged(
                f"{self._path} is damaged: remove it to begin anew, without its ledger"
            ) from error
        if state.script == digest:
            return state
        return CloudState(
            began_at=now,
            script=digest,
            machines=state.machines,
            outcomes=state.outcomes,
            asked=state.asked,
            unwilling=state.unwilling,
        )

    async def save(self, state: CloudState) -> None:
        """Return once the state as it was at the call, or a later one, is on the disk."""
        self._wanted += 1
        mine = self._wanted
        async with self._writing:
            if self._written < mine:  # else whoever wrote after the call wrote this too
                covers, text = self._wanted, state.model_dump_json()
                await asyncio.to_thread(self._write, text)
                self._written = covers

    def _write(self, text: str) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(self._path, text)
