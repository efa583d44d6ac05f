"""Reports as a person reads them: tables of plain text."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import NamedTuple

from tradewind.client.cli import words
from tradewind.simulator.whatif.report import Reclaims, Report

JOBS_SHOWN = 20
PLACES_SHOWN = 3


class Table(NamedTuple):
    title: str
    """Empty: it needs none."""
    head: tuple[str, ...]
    rows: list[tuple[str, ...]]


def tables(reports: Sequence[Report]) -> list[Table]:
    """Of one report all that it tells; several side by side, a column each."""
    told = [_summary(report) for report in reports]
    rows = [(name, *(each[name] for each in told)) for name in told[0]]
    side_by_side = Table("", ("", *(report.infra for report in reports)), rows)
    if len(reports) > 1:
        return [side_by_side]
    [report] = reports
    return [table for table in (side_by_side, _places(report), _jobs(report), _waiting(report)) if table.rows]


def _summary(report: Report) -> dict[str, str]:
    jobs, cost, reclaims = report.jobs, report.cost, report.reclaims
    return {
        "jobs": _listed(
            (jobs.succeeded, "done"),
            (jobs.failed, "failed"),
            (jobs.unfinished - jobs.never_started, "unfinished"),
            (jobs.never_started, "never placed"),
        ),
        "takes": _time(report.makespan_s),
        "a job waits": f"{_time(report.wait.mean_s)} (95 % under {_time(report.wait.p95_s)})",
        "a job runs": f"{_time(report.run.mean_s)} (95 % under {_time(report.run.p95_s)})",
        "costs": words.usd(cost.usd),
        "on demand the same": f"{words.usd(cost.on_demand_usd)}{_less(cost.usd, cost.on_demand_usd)}",
        "machines": f"{report.machines}, together {report.machine_h:.1f} h",
        "at work": f"{report.utilisation:.0%} of what is paid",
        "taken away": _taken(reclaims),
        "recoveries": str(reclaims.recoveries),
        "work lost": _time(reclaims.lost_work_s),
        "refused launches": _listed(*((count, kind) for kind, count in report.refusals.items())),
    }


def _places(report: Report) -> Table:
    return Table(
        "What it costs",
        ("WHERE", "BOUGHT", "MACHINES", "HOURS", "$", "ON DEMAND"),
        [
            (
                "/".join(part for part in (one.infra, one.region) if part),
                "spot" if one.spot else "on demand",
                str(one.machines),
                f"{one.machine_h:.2f}",
                words.usd(one.usd),
                words.usd(one.on_demand_usd),
            )
            for one in report.cost.by_place
        ],
    )


def _jobs(report: Report) -> Table:
    """All, or those that took longest to come to their end."""
    shown = report.job_list
    title = "Jobs"
    if len(shown) > JOBS_SHOWN:
        ranked = sorted(shown, key=lambda one: -(one.wait_s + one.recovery_s))
        shown = tuple(ranked[:JOBS_SHOWN])
        title = f"Jobs: the {JOBS_SHOWN} of {len(report.job_list)} that waited longest"
    return Table(
        title,
        ("ID", "NAME", "PHASE", "SUBMITTED", "WAITS", "RUNS", "RECOVERS", "LOST", "ATTEMPTS", "WHERE"),
        [
            (
                str(one.number),
                one.name,
                one.phase or "-",
                _time(one.submitted_s),
                _time(one.wait_s),
                _time(one.run_s),
                _time(one.recovery_s) if one.attempts > 1 else "-",
                _time(one.lost_work_s) if one.lost_work_s else "-",
                str(one.attempts),
                _where(one.places),
            )
            for one in shown
        ],
    )


def _waiting(report: Report) -> Table:
    return Table(
        "What waits",
        ("JOBS", "FIRST", "LONGEST", "WHY"),
        [
            (str(one.jobs), str(one.first), _time(one.longest_s), one.why or "nobody said")
            for one in report.waiting
        ],
    )


def _where(places: Iterable[str]) -> str:
    """Each place once for all attempts that ran there in a row; of a long way the ends."""
    way: list[str] = []
    for place in places:
        if not way or way[-1] != place:
            way.append(place)
    if len(way) > PLACES_SHOWN:
        way = [way[0], f"… {len(way) - 2} more …", way[-1]]
    return " → ".join(way) or "-"


def _taken(reclaims: Reclaims) -> str:
    return f"{reclaims.machines}, {reclaims.noticed} with a notice" if reclaims.machines else "none"


def _less(usd: float, on_demand_usd: float) -> str:
    return f" ({1 - usd / on_demand_usd:.0%} less)" if usd < on_demand_usd else ""


def _listed(*counts: tuple[int, str]) -> str:
    return ", ".join(f"{count} {what}" for count, what in counts if count) or "none"


def _time(seconds: float) -> str:
    return words.duration(timedelta(seconds=round(seconds, 1)))
