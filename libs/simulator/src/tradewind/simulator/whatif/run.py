"""A what-if from files to reports: what `tw simulate` calls."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from tradewind.common.contracts.values import Recovery
from tradewind.provisioner.infra.mock.reading import ScriptRefused, read_script
from tradewind.provisioner.infra.mock.script import Script
from tradewind.simulator.whatif.planet import Progress, live
from tradewind.simulator.whatif.quantities import some_seconds
from tradewind.simulator.whatif.refused import WhatIfRefused
from tradewind.simulator.whatif.report import Report
from tradewind.simulator.whatif.telling import report
from tradewind.simulator.whatif.traced import Asked, with_trace
from tradewind.simulator.whatif.workload import Submission
from tradewind.simulator.whatif.workload_file import workload_from_file


class Told(Protocol):
    """Hears how far `what` has come: jobs that are over, of all `jobs`, and virtual seconds."""

    def __call__(self, what: str, *, over: int, jobs: int, now: float) -> None: ...


BUYING = {"spot": True, "on-demand": False}
VARIANTS = (*BUYING, *Recovery)


def simulate(
    workload: Path,
    infra: Path,
    *,
    compare: Sequence[str] = (),
    traces: Sequence[str] = (),
    seed: int = 0,
    until: str | None = None,
    told: Told | None = None,
) -> list[Report]:
    """One report for `infra`, and one for each of `compare`: another infra file, or one of `VARIANTS`.

    Raises:
        TradewindError, which is a ValueError too: a file or an option that cannot be understood.
    """
    read = workload_from_file(workload)
    submissions = read.draw(seed)
    until_s = None if until is None else _moment(until)
    scripts = {infra: _script(infra, traces)}
    runs: list[tuple[str, Script, Iterable[Submission]]] = [(infra.stem, scripts[infra], submissions)]
    for variant in compare:
        if variant in VARIANTS:
            runs.append((variant, scripts[infra], [_varied(one, variant) for one in submissions]))
        else:
            runs.append((Path(variant).stem, _script(_file(variant), traces), submissions))
    reports: list[Report] = []
    for name, script, some in runs:
        lived = live(
            [_placed(one, script) for one in some],
            script,
            seed=script.seed + seed,
            until_s=until_s,
            progress=_progress(name, told),
        )
        reports.append(report(lived, workload=read.name, infra=name, seed=seed))
    return reports


def _progress(name: str, told: Told | None) -> Progress:
    def progress(over: int, jobs: int, now: float) -> None:
        if told is not None:
            told(name, over=over, jobs=jobs, now=now)

    return progress


def _script(file: Path, traces: Sequence[str]) -> Script:
    try:
        script = read_script(file)
    except ScriptRefused as why:
        raise WhatIfRefused(str(why)) from why
    for trace in traces:
        script = with_trace(script, Asked.parse(trace))
    return script


def _file(variant: str) -> Path:
    if not Path(variant).exists():
        words = ", ".join(VARIANTS)
        raise WhatIfRefused(f"--compare: {variant!r} is no file: name an infra file, or write one of {words}")
    return Path(variant)


def _moment(text: str) -> float:
    try:
        return some_seconds(text)
    except ValueError as why:
        raise WhatIfRefused(f"--until: {why}") from why


def _varied(one: Submission, variant: str) -> Submission:
    summary = one.summary
    if variant in BUYING:
        roles = tuple(role.but(shape=role.shape.but(use_spot=BUYING[variant])) for role in summary.roles)
        return replace(one, summary=summary.but(roles=roles))
    return replace(one, summary=summary.but(recovery=Recovery(variant)))


def _placed(one: Submission, script: Script) -> Submission:
    """A task that names a cloud of the script by its own name means the infra that plays it."""
    infras = dict(zip(script.clouds, script.by_infra(), strict=True))
    roles = tuple(
        role.but(shape=role.shape.but(infra=_infra(role.shape.infra, infras))) for role in one.summary.roles
    )
    return replace(one, summary=one.summary.but(roles=roles))


def _infra(asked: str | None, infras: dict[str, str]) -> str | None:
    if asked is None:
        return None
    cloud, slash, rest = asked.partition("/")
    return f"{infras.get(cloud, cloud)}{slash}{rest}"
