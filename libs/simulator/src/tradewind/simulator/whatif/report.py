"""What a what-if tells. These are the fields of `tw simulate -o json`: they are added to, never changed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class JobCounts:
    submitted: int
    succeeded: int
    failed: int
    unfinished: int
    """Under way, or waiting, when the simulation ended."""
    never_started: int
    """Of the unfinished: those that never ran."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Of one quantity over all jobs, in seconds."""

    mean_s: float = 0.0
    p50_s: float = 0.0
    p95_s: float = 0.0
    max_s: float = 0.0


@dataclass(frozen=True, slots=True)
class PlaceCost:
    """What machines of one way of buying in one region cost."""

    infra: str
    region: str
    spot: bool
    machines: int
    machine_h: float
    usd: float
    on_demand_usd: float
    """What the same machine hours cost on demand."""


@dataclass(frozen=True, slots=True)
class Cost:
    usd: float
    on_demand_usd: float
    by_place: tuple[PlaceCost, ...]
    """The dearest first."""


@dataclass(frozen=True, slots=True)
class Reclaims:
    machines: int
    """Taken away by their infra: reclaimed, or gone with an outage."""
    noticed: int
    """Of these: told of it before."""
    recoveries: int
    """How often a job had to begin another attempt, or to start one of its ranks again."""
    lost_work_s: float
    """Seconds that ranks ran and that had to be run again, for these and for failures."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Jobs that had not ended, for one reason."""

    why: str
    jobs: int
    first: int
    """The number of one of them."""
    longest_s: float


@dataclass(frozen=True, slots=True)
class JobOutcome:
    number: int
    name: str
    phase: str
    """As in `tw jobs queue`; `""`: it was not submitted by then."""
    submitted_s: float
    """All moments count from the beginning of the simulation."""
    started_s: float | None
    ended_s: float | None
    wait_s: float
    """Until its first run began: for machines, for them to boot, for its setup."""
    run_s: float
    recovery_s: float
    """Between the end of one run and the beginning of the next."""
    attempts: int
    lost_work_s: float
    places: tuple[str, ...]
    """Where its attempts ran."""
    why: str
    """Why it waits, or failed."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What was there on average since the moment before, and what was spent until then."""

    at_s: float
    machines: float
    busy: float
    """Machines' worth of running work."""
    waiting: float
    usd: float
    on_demand_usd: float


@dataclass(frozen=True, slots=True)
class Report:
    workload: str
    infra: str
    seed: int
    ended: str
    """`complete`: every job and every machine had ended; `until`: the time was over; `stuck`: what waits
    would wait for ever.
    """
    simulated_s: float
    makespan_s: float
    """From the beginning until the last job ended; until the simulation did, if one was under way then."""
    jobs: JobCounts
    wait: Spread
    run: Spread
    recovery: Spread
    cost: Cost
    machines: int
    machine_h: float
    utilisation: float
    """Share of the paid machine time in which work ran, of what each machine is bought for: its
    accelerators, or its CPUs.
    """
    reclaims: Reclaims
    refusals: dict[str, int]
    """Launches that were refused, by kind."""
    waiting: tuple[Waiting, ...]
    history: tuple[Moment, ...]
    job_list: tuple[JobOutcome, ...]
