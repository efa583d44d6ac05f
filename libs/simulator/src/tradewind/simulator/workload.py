"""What the scripted user asks for, drawn from the seed: jobs, gangs, arrays, a cluster, second thoughts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from tradewind.common.contracts.job import JobSummary, OnLoss, RoleSummary
from tradewind.common.contracts.values import Recovery, Shape
from tradewind.common.reactor.decision import derived_id
from tradewind.jobs_controller.domain.workflow import job_id
from tradewind.simulator.machine import Script


@dataclass(frozen=True, slots=True)
class Ask:
    """One submission: a job, or an array of `count`. Times in seconds since the beginning."""

    id: str
    number: int
    at_s: float
    summary: JobSummary
    script: Script
    count: int | None = None
    cancel_at_s: float | None = None

    @property
    def job_ids(self) -> tuple[str, ...]:
        return (
            (self.id,) if self.count is None else tuple(job_id(self.id, index) for index in range(self.count))
        )

    @property
    def succeeds(self) -> bool:
        """Whether its jobs end well unless somebody cancels them."""
        script = self.script
        return (
            script.setup_code == 0
            and script.run_code == 0
            and script.fails_first <= self.summary.max_restarts
        )


@dataclass(frozen=True, slots=True)
class Workload:
    asks: tuple[Ask, ...]
    down_at_s: float
    """When the user takes the named cluster down, at the earliest."""
    drains_at_s: tuple[float, ...] = ()
    """When the user has a node emptied, whatever it is for."""
    ask_of: dict[str, Ask] = field(default_factory=dict[str, Ask])
    """By the id of a job."""

    @property
    def jobs(self) -> int:
        return len(self.ask_of)


def draw(
    seed: int,
    *,
    jobs: int,
    over_s: float,
    asks: Sequence[Ask] | None = None,
    only: frozenset[int] | None = None,
) -> Workload:
    """About `jobs` jobs, submitted over `over_s` seconds; or `asks`. Of these, `only` those numbers."""
    random = Random(f"workload/{seed}")
    if asks is None:
        asks = _draw_asks(seed, random, jobs=jobs, over_s=over_s)
    asks = [ask for ask in asks if only is None or ask.number in only]
    drains = Random(f"drains/{seed}")
    return Workload(
        asks=tuple(asks),
        down_at_s=over_s * drains.uniform(0.5, 2.0),
        drains_at_s=tuple(over_s * drains.uniform(0.1, 2.0) for _ in range(drains.choice((0, 0, 0, 1, 3)))),
        ask_of={job: ask for ask in asks for job in ask.job_ids},
    )


def _draw_asks(seed: int, random: Random, *, jobs: int, over_s: float) -> list[Ask]:
    asks: list[Ask] = []
    total = 0
    while total < jobs:
        ask = _draw_ask(seed, len(asks) + 1, random, over_s=over_s, room=jobs - total)
        total += ask.count or 1
        asks.append(ask)
    return sorted(asks, key=lambda ask: (ask.at_s, ask.number))


def _draw_ask(seed: int, number: int, random: Random, *, over_s: float, room: int) -> Ask:
    at_s = random.uniform(0.1, over_s)
    array = room > 3 and random.random() < 0.15
    restarts = random.choice((0, 0, 1, 2))
    shape = Shape(
        cpus=random.choice((0.5, 1.0, 1.0, 2.0, 4.0)),
        memory_gib=random.choice((0.0, 1.0, 4.0)),
        accelerator="L4" if random.random() < 0.2 else None,
        infra=random.choice((None, None, None, None, "scripted", "scripted/east", "*/west/west-a", "hosts")),
        use_spot=random.random() < 0.3,
    )
    if shape.infra == "hosts":
        shape = shape.but(use_spot=False)  # they are nobody's spare capacity
    if shape.accelerator is not None:
        shape = shape.but(accelerator_count=random.choice((1, 2)))
    # All jobs on the named cluster ask for the same: what asks for more than its nodes have would wait for
    # ever.
    cluster = "dev" if random.random() < 0.15 else None
    ranks = _ranks(random)
    on_loss = OnLoss.RANK if random.random() < 0.2 else OnLoss.GANG
    roles: tuple[RoleSummary, ...] = (RoleSummary(name="main", count=ranks, shape=shape, on_loss=on_loss),)
    if cluster is not None:
        roles = (RoleSummary(name="main", count=1, shape=Shape(cpus=1.0)),)
    elif not array and random.random() < 0.15:
        helper = RoleSummary(name="helper", count=1, shape=Shape(cpus=0.5), required=False)
        roles = (*roles, helper)
    return Ask(
        id=derived_id("ask", seed, number),
        number=number,
        at_s=at_s,
        summary=_recovering(
            JobSummary(
                name=f"job-{number}",
                roles=roles,
                priority=random.choice((0, 0, 0, 5, -5)),
                max_restarts=restarts,
                cluster=cluster,
            ),
            Random(f"recovery/{seed}/{number}"),
        ),
        script=_draw_script(random, restarts),
        count=random.randint(2, min(room, 12)) if array else None,
        cancel_at_s=at_s + random.choice((0.0, 1.0, 20.0, 200.0)) * random.random()
        if random.random() < 0.2
        else None,
    )


def _recovering(summary: JobSummary, random: Random) -> JobSummary:
    """How it is started again: all of it or one rank, elsewhere or there; in how many places at once."""
    return summary.but(
        roles=tuple(
            role.but(on_loss=random.choice((OnLoss.GANG, OnLoss.GANG, OnLoss.RANK))) for role in summary.roles
        ),
        recovery=random.choice(tuple(Recovery)),
        race=random.choice((1, 1, 2, 3)),
    )


def _ranks(random: Random) -> int:
    return random.choice((1, 1, 1, 1, 1, 2, 2, 3))


def _draw_script(random: Random, restarts: int) -> Script:
    fate = random.random()
    return Script(
        fetch_s=random.choice((0.0, 0.2, 3.0)),
        setup_s=random.choice((0.0, 1.0, 20.0)),
        run_s=random.choice((0.0, 0.5, 5.0, 40.0, 240.0)),
        setup_code=3 if fate < 0.04 else 0,
        run_code=1 if 0.04 <= fate < 0.12 else 0,
        fails_first=random.randint(0, restarts),
        ignores_term=random.random() < 0.2,
        saves_in_s=random.choice((0.0, 0.0, 5.0, 60.0)),
    )
