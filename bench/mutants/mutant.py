"""What a mutant is: one small function that breaks one seam, and says in its docstring which bug that is."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

Plant = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True, slots=True)
class Mutant:
    """A bug. `faults` is the mix under which it is looked for, as `./dev simulate --faults` takes it."""

    plant: Plant
    faults: str = "all"

    @property
    def name(self) -> str:
        return self.plant.__name__

    @property
    def bug(self) -> str:
        """The bug, in one sentence or two."""
        return " ".join((self.plant.__doc__ or "").split())
