"""Modules that are loaded when they are first used, because somebody waits at the command line.

if TYPE_CHECKING:
    from tradewind.client import workdir
else:
    workdir = LazyModule("tradewind.client.workdir")
"""

import importlib


class LazyModule:
    """Stands for a module until one of its names is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> object:
        return getattr(importlib.import_module(self._name), attribute)
