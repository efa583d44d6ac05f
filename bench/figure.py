"""One measured figure, and the JSON line that tells it."""

import json
import os
import platform
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from operator import ge, le, lt
from pathlib import Path

_COMPARE = {"<=": le, "<": lt, ">=": ge}


@dataclass(frozen=True, slots=True)
class Target:
    """What the figure shall be, such as `Target("<=", 20)`. `stretch` is told, not judged."""

    relation: str
    bound: float
    stretch: float | None = None

    def met_by(self, value: float) -> bool:
        return _COMPARE[self.relation](value, self.bound)

    def __str__(self) -> str:
        stretch = f", stretch {self.stretch:g}" if self.stretch is not None else ""
        return f"{self.relation} {self.bound:g}{stretch}"


@dataclass(frozen=True, slots=True)
class Figure:
    """`how` says in one sentence how it was taken; `parts` are further numbers of the same measurement."""

    figure: str
    value: float
    unit: str
    how: str
    target: Target | None = None
    parts: Mapping[str, float] = field(default_factory=dict[str, float])

    def line(self) -> str:
        told: dict[str, object] = {
            "figure": self.figure,
            "value": _rounded(self.value),
            "unit": self.unit,
            "target": str(self.target) if self.target is not None else None,
            "met": self.target.met_by(self.value) if self.target is not None else None,
            "how": self.how,
            "machine": f"{machine()}; load {os.getloadavg()[0]:.1f}",
        }
        if self.parts:
            told["parts"] = {name: _rounded(value) for name, value in self.parts.items()}
        return json.dumps(told)


@cache
def machine() -> str:
    """What the figures were taken on. The disk is named since all of them are durable."""
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    kind = f"{_cpu()}, {os.cpu_count()} cores, {memory_gib:.0f} GiB, {_filesystem(tempfile.gettempdir())}"
    return f"{kind}, {platform.system()} {platform.release()}, Python {platform.python_version()}"


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _filesystem(folder: str) -> str:
    """The kind of the file system that holds a folder: on a tmpfs a sync costs nothing."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    holding = [(len(at), kind) for _, at, kind, *_ in mounts if Path(folder).is_relative_to(at)]
    return max(holding)[1]


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")
