"""An app: one service's own loop. The same object runs alone in a container or beside others in one
process.
"""

from typing import Protocol


class App(Protocol):
    @property
    def name(self) -> str: ...

    async def run(self) -> None:
        """Runs until cancelled. Faults of the store and the bus are waited out inside; what it raises ends
        the process.
        """
        ...

    def ready(self) -> bool:
        """It does its work. (A standby is not ready: nothing is to be sent its way.)"""
        ...
