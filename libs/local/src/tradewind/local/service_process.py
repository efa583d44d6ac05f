"""One service in a process of its own: what the host starts again whenever it ends."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import Mapping
from pathlib import Path

STOP_WITHIN_S = 10.0
LOOK_S = 0.02
LOOPBACK = "127.0.0.1"


class ServiceEnded(Exception):
    """The process ended though nobody asked."""


class ServiceProcess:
    """An app (see `runtime.app`) that runs `python -m tradewind.<name>` and waits for its end."""

    def __init__(
        self, name: str, environment: Mapping[str, str], *, health_port: int, log: Path, pid_file: Path
    ) -> None:
        self._name = name
        self._environment = {**environment, "TRADEWIND_HEALTH_PORT": str(health_port)}
        self._health_port = health_port
        self._ready = False
        self._log = log
        self._pid_file = pid_file

    @property
    def name(self) -> str:
        return self._name

    def ready(self) -> bool:
        return self._ready

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
        self._pid_file.write_text(str(process.pid))
        watching = asyncio.create_task(self._until_ready())
        try:
            raise ServiceEnded(f"{self._name} ended with code {await process.wait()}")
        finally:
            self._ready = False
            watching.cancel()
            if process.returncode is None:
                process.terminate()
                try:
                    async with asyncio.timeout(STOP_WITHIN_S):
                        await process.wait()
                except TimeoutError:
                    process.kill()
                    await process.wait()
            self._pid_file.unlink(missing_ok=True)

    async def _until_ready(self) -> None:
        """Asks until it is; afterwards its end is what matters, and that is told without asking."""
        while not self._ready:
            await asyncio.sleep(LOOK_S)
            self._ready = await self._says_ready()

    async def _says_ready(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection(LOOPBACK, self._health_port)
        except OSError:
            return False
        try:
            writer.write(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            async with asyncio.timeout(1):
                status = await reader.readline()
        except (OSError, TimeoutError):
            return False
        finally:
            writer.close()
        return b" 200 " in status
