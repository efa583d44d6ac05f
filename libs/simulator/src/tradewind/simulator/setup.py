"""Everything that a run depends on. The same setup always gives the same history."""

from dataclasses import dataclass

from tradewind.simulator.faults import ALL, Rates
from tradewind.simulator.workload import Ask

JOBS = 12
FAULTS_END_S = 600.0
SUBMITTED_OVER_S = 240.0


@dataclass(frozen=True, slots=True)
class Setup:
    """A seed decides all that is chance; the rest says what it decides about, and what of it counts."""

    seed: int
    jobs: int = JOBS
    rates: Rates = ALL
    swarm: bool = True
    """The seed turns kinds of faults off, and others up."""
    faults_end_s: float = FAULTS_END_S
    load: tuple[Ask, ...] | None = None
    """What is asked for; None: drawn from the seed."""
    asks: frozenset[int] | None = None
    """The numbers of those that are asked for; None: all of them."""
    strikes: frozenset[str] | None = None
    """The names of the faults that strike; None: all that the seed draws."""
