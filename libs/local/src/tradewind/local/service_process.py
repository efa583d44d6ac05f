"""One service in a process of its own: what the host starts again whenever it ends."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import Mapping
from pathlib import Path

STOP_WITHIN_S = 10.0


class ServiceEnded(Exception):
    """The process ended though nobody asked."""


class ServiceProcess:
    """An app (see `runtime.app`) that runs `python -m tradewind.<name>` and waits for its end."""

    def __init__(self, name: str, environment: Mapping[str, str], *, log: Path, pid_file: Path) -> None:
        self._name = name
        self._environment = environment
        self._log = log
        self._pid_file = pid_file
        self._process: asyncio.subprocess.Process | None = None

    @property
    def name(self) -> str:
        return self._name

    def ready(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def run(self) -> None:
        """Raises ServiceEnded."""
        with self._log.open("ab") as out:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                f"tradewind.{self._name}",
                env={**os.environ, **self._environment},
                stdin=DEVNULL,
                stdout=out,
                stderr=out,
            )
        self._process = process
        self._pid_file.write_text(str(process.pid))
        try:
            raise ServiceEnded(f"{self._name} ended with code {await process.wait()}")
        finally:
            if process.returncode is None:
                process.terminate()
                try:
                    async with asyncio.timeout(STOP_WITHIN_S):
                        await process.wait()
                except TimeoutError:
                    process.kill()
                    await process.wait()
            self._pid_file.unlink(missing_ok=True)
