"""A workload: what is submitted when, and how long it runs. Drawn from a seed, the same each time."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

from tradewind.common.contracts.job import JobSummary
from tradewind.common.contracts.task import JobSpec

Z95 = 1.6448536269514722
"""The 95th percentile of the standard normal distribution."""


@dataclass(frozen=True, slots=True)
class Duration:
    """Seconds: always the same, or log-normal with a mean and a 95th percentile."""

    mean_s: float
    sigma: float = 0.0
    """Of the logarithm."""

    @classmethod
    def spread(cls, *, mean_s: float, p95_s: float) -> "Duration":
        """Raises ValueError: no log-normal distribution has these two."""
        ratio = math.log(p95_s / mean_s)
        if not 0 <= ratio <= Z95**2 / 2:
            raise ValueError(
                f"p95 must lie between the mean and {math.exp(Z95**2 / 2):.2f} times the mean, "
                f"but is {p95_s / mean_s:.2f} times"
            )
        return cls(mean_s, Z95 - math.sqrt(Z95**2 - 2 * ratio))

    def draw(self, random: Random) -> float:
        if not self.sigma:
            return self.mean_s
        return random.lognormvariate(math.log(self.mean_s) - self.sigma**2 / 2, self.sigma)


@dataclass(frozen=True, slots=True)
class Arrivals:
    """When the jobs of an entry are submitted: all at once, every so often, or at random at a rate."""

    at_s: float = 0.0
    count: int = 1
    every_s: float = 0.0
    rate_per_s: float = 0.0

    def draw(self, random: Random) -> Iterator[float]:
        moment = self.at_s
        for number in range(self.count):
            if self.rate_per_s:
                moment += random.expovariate(self.rate_per_s)
            elif number:
                moment += self.every_s
            yield moment


@dataclass(frozen=True, slots=True)
class Entry:
    """Some jobs alike."""

    spec: JobSpec
    arrivals: Arrivals
    runs_for: Duration
    setup_s: float = 0.0
    checkpoint_every_s: float | None = None
    """None: what runs keeps nothing until it has ended."""
    saves_in_s: float | None = None
    """How long `on_reclaim` takes to save everything; None: nothing is saved at a notice."""
    fails: float = 0.0
    """The chance that a run of it fails, at a random moment."""
    max_restarts: int = 0
    priority: int = 0
    name: str = ""


@dataclass(frozen=True, slots=True)
class Submission:
    """One job: when it is submitted, and what work it is."""

    number: int
    at_s: float
    name: str
    summary: JobSummary
    work_s: float
    setup_s: float
    checkpoint_every_s: float | None
    saves_in_s: float | None
    fails_at: tuple[float, ...]
    """The share of its remaining work after which its first runs fail, one each."""


@dataclass(frozen=True, slots=True)
class Workload:
    name: str
    entries: tuple[Entry, ...]

    def draw(self, seed: int) -> tuple[Submission, ...]:
        """In the order in which they are submitted. Each entry has a chance of its own, so that a change of
        one leaves the others as they were.
        """
        drawn = [
            one
            for place, entry in enumerate(self.entries)
            for one in _draw(entry, Random(f"{seed}/{place}/{entry.name}"))
        ]
        drawn.sort(key=lambda one: one.at_s)
        return tuple(replace(one, number=number) for number, one in enumerate(drawn, 1))


def _draw(entry: Entry, random: Random) -> Iterator[Submission]:
    summary = entry.spec.summary(priority=entry.priority, max_restarts=entry.max_restarts)
    for at_s in entry.arrivals.draw(random):
        yield Submission(
            number=0,
            at_s=at_s,
            name=entry.name or entry.spec.name,
            summary=summary,
            work_s=entry.runs_for.draw(random),
            setup_s=entry.setup_s,
            checkpoint_every_s=entry.checkpoint_every_s,
            saves_in_s=entry.saves_in_s,
            fails_at=tuple(_failures(entry, random)),
        )


def _failures(entry: Entry, random: Random) -> Iterator[float]:
    """As many runs as fail before one does not; one more than it may be restarted is enough to fail it."""
    for _ in range(entry.max_restarts + 1):
        if random.random() >= entry.fails:
            return
        yield random.random()
