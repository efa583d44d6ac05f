"""The report of a world that has lived."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import pairwise

from tradewind.common.contracts.job import JobPhase
from tradewind.provisioner.infra.mock.state import Rented
from tradewind.simulator.virtual_time import EPOCH
from tradewind.simulator.whatif.planet import Lived
from tradewind.simulator.whatif.report import (
    Cost,
    JobCounts,
    JobOutcome,
    Moment,
    PlaceCost,
    Reclaims,
    Report,
    Spread,
    Waiting,
)
from tradewind.simulator.whatif.seen import RUNNING, JobSeen, Seen

MOMENTS = 240
HOUR_S = 3_600.0

Change = tuple[float, float]
"""From that moment on, so much more."""


def report(lived: Lived, *, workload: str, infra: str, seed: int) -> Report:
    jobs = list(lived.seen.jobs.values())
    machines = lived.infras.ledger()
    ends = [job.ended_s for job in jobs if job.ended_s is not None]
    under_way = any(job.phase in RUNNING for job in jobs)
    history = _history(lived, machines)
    machine_h = sum(_hours(one, lived.ended_s) for one in machines)
    busy_h = _integrals(_busy(lived), [lived.ended_s])[0] / HOUR_S
    return Report(
        workload=workload,
        infra=infra,
        seed=seed,
        ended=lived.ended.value,
        simulated_s=_round(lived.ended_s),
        makespan_s=_round(lived.ended_s if under_way else max(ends, default=0.0)),
        jobs=_counts(jobs),
        wait=_spread(job.waited_s for job in jobs if job.first_run_s is not None),
        run=_spread(job.ran_s for job in jobs if job.over),
        recovery=_spread(job.recovered_s for job in jobs if job.attempts > 1),
        cost=_cost(machines, lived.ended_s),
        machines=len(machines),
        machine_h=round(machine_h, 4),
        utilisation=round(busy_h / machine_h, 4) if machine_h else 0.0,
        reclaims=_reclaims(lived, machines),
        refusals=_refusals(lived),
        waiting=_waiting(lived.seen),
        history=history,
        job_list=tuple(_outcome(one, lived) for one in lived.seen.jobs),
    )


def _counts(jobs: Sequence[JobSeen]) -> JobCounts:
    unfinished = [job for job in jobs if not job.over]
    return JobCounts(
        submitted=sum(job.phase is not None for job in jobs),
        succeeded=sum(job.phase is JobPhase.SUCCEEDED for job in jobs),
        failed=sum(job.phase is JobPhase.FAILED for job in jobs),
        unfinished=len(unfinished),
        never_started=sum(job.first_run_s is None for job in unfinished),
    )


def _spread(quantities: Iterable[float]) -> Spread:
    """Percentiles by nearest rank."""
    ordered = sorted(quantities)
    if not ordered:
        return Spread()
    at = [ordered[math.ceil(share * len(ordered)) - 1] for share in (0.5, 0.95)]
    return Spread(*map(_round, (sum(ordered) / len(ordered), *at, ordered[-1])))


def _cost(machines: Sequence[Rented], ended_s: float) -> Cost:
    by_place: defaultdict[tuple[str, str, bool], list[Rented]] = defaultdict(list)
    for one in machines:
        by_place[one.place.infra, one.place.region, one.place.spot].append(one)
    places = [
        PlaceCost(
            infra=infra,
            region=region,
            spot=spot,
            machines=len(some),
            machine_h=round(sum(_hours(one, ended_s) for one in some), 4),
            usd=_usd(sum(_spent(one, ended_s) for one in some)),
            on_demand_usd=_usd(sum(_on_demand(one) * _hours(one, ended_s) for one in some)),
        )
        for (infra, region, spot), some in by_place.items()
    ]
    places.sort(key=lambda one: (-one.usd, one.infra, one.region, one.spot))
    return Cost(
        usd=_usd(sum(one.usd for one in places)),
        on_demand_usd=_usd(sum(one.on_demand_usd for one in places)),
        by_place=tuple(places),
    )


def _reclaims(lived: Lived, machines: Sequence[Rented]) -> Reclaims:
    told = {node for cloud in lived.infras.clouds.values() for node in cloud.told}
    taken = [one for one in machines if one.node in told or (one.ended_at and one.why != "terminated")]
    return Reclaims(
        machines=len(taken),
        noticed=sum(one.node in told for one in taken),
        recoveries=sum(job.recoveries for job in lived.seen.jobs.values()),
        lost_work_s=_round(sum(job.lost_s for job in lived.works.jobs.values())),
    )


def _refusals(lived: Lived) -> dict[str, int]:
    total: defaultdict[str, int] = defaultdict(int)
    for cloud in lived.infras.clouds.values():
        for kind, count in cloud.refusals.items():
            total[kind] += count
    return dict(sorted(total.items()))


def _waiting(seen: Seen) -> tuple[Waiting, ...]:
    by_reason: defaultdict[str, list[JobSeen]] = defaultdict(list)
    for one, job in seen.jobs.items():
        if not job.over and job.phase not in {*RUNNING, None}:
            by_reason[seen.why(one)].append(job)
    groups = [
        Waiting(
            why=why,
            jobs=len(some),
            first=min(job.submission.number for job in some),
            longest_s=_round(max(job.waited_s + job.recovered_s for job in some)),
        )
        for why, some in by_reason.items()
    ]
    return tuple(sorted(groups, key=lambda one: (-one.jobs, one.first)))


def _outcome(one: str, lived: Lived) -> JobOutcome:
    job, work = lived.seen.jobs[one], lived.works.jobs[one]
    return JobOutcome(
        number=job.submission.number,
        name=job.submission.name,
        phase=job.phase.value if job.phase is not None else "",
        submitted_s=_round(job.submission.at_s),
        started_s=None if job.first_run_s is None else _round(job.first_run_s),
        ended_s=None if job.ended_s is None else _round(job.ended_s),
        wait_s=_round(job.waited_s),
        run_s=_round(job.ran_s),
        recovery_s=_round(job.recovered_s),
        attempts=job.attempts,
        lost_work_s=_round(work.lost_s),
        places=tuple(job.places),
        why=lived.seen.why(one),
    )


def _history(lived: Lived, machines: Sequence[Rented]) -> tuple[Moment, ...]:
    end_s = lived.ended_s
    edges = [end_s * number / MOMENTS for number in range(MOMENTS + 1)]
    lives = [(_launched_s(one), _ended_s(one, end_s), one) for one in machines]

    def over_time(rate: Sequence[float]) -> list[float]:
        changes = [(began, each) for (began, _, _), each in zip(lives, rate, strict=True)]
        changes += [(ended, -each) for (_, ended, _), each in zip(lives, rate, strict=True)]
        return _integrals(sorted(changes), edges)

    there = over_time([1.0] * len(lives))
    usd = over_time([one.place.price_usd_h / HOUR_S for _, _, one in lives])
    on_demand = over_time([_on_demand(one) / HOUR_S for _, _, one in lives])
    busy = _integrals(_busy(lived), edges)
    waiting = _integrals(_differences((load.at_s, load.waiting) for load in lived.seen.loads), edges)
    moments: list[Moment] = []
    for before, now in pairwise(range(MOMENTS + 1)):
        width = edges[now] - edges[before] or 1.0
        moments.append(
            Moment(
                at_s=_round(edges[now]),
                machines=round((there[now] - there[before]) / width, 3),
                busy=round((busy[now] - busy[before]) / width, 3),
                waiting=round((waiting[now] - waiting[before]) / width, 3),
                usd=_usd(usd[now]),
                on_demand_usd=_usd(on_demand[now]),
            )
        )
    return tuple(moments)


def _busy(lived: Lived) -> list[Change]:
    return _differences((load.at_s, load.busy) for load in lived.seen.loads)


def _differences(levels: Iterable[Change]) -> list[Change]:
    changes: list[Change] = []
    before = 0.0
    for at_s, level in levels:
        changes.append((at_s, level - before))
        before = level
    return changes


def _integrals(changes: Sequence[Change], edges: Sequence[float]) -> list[float]:
    """Of the level that `changes` (in order) make, from the beginning until each of `edges` (in order)."""
    integrals: list[float] = []
    total = level = at_s = 0.0
    coming = iter(changes)
    change = next(coming, None)
    for edge in edges:
        while change is not None and change[0] <= edge:
            total += level * (change[0] - at_s)
            at_s, level = change[0], level + change[1]
            change = next(coming, None)
        total += level * (edge - at_s)
        at_s = edge
        integrals.append(total)
    return integrals


def _launched_s(one: Rented) -> float:
    return (one.launched_at - EPOCH).total_seconds()


def _ended_s(one: Rented, end_s: float) -> float:
    return end_s if one.ended_at is None else (one.ended_at - EPOCH).total_seconds()


def _hours(one: Rented, end_s: float) -> float:
    return (_ended_s(one, end_s) - _launched_s(one)) / HOUR_S


def _spent(one: Rented, end_s: float) -> float:
    """The infra's own bill."""
    return one.cost_usd(EPOCH + timedelta(seconds=end_s))


def _on_demand(one: Rented) -> float:
    price = one.place.on_demand_usd_h
    return one.place.price_usd_h if price is None else price


def _round(seconds: float) -> float:
    return round(seconds, 3)


def _usd(amount: float) -> float:
    return round(amount, 6)
