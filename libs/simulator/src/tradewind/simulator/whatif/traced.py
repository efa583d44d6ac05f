"""`--trace`: recorded spot capacity over time, laid onto the zones of a script."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tradewind.provisioner.infra.mock.script import Capacity, CloudScript, Script, Trace
from tradewind.provisioner.infra.mock.traces import TraceRefused, names_in, steps_of
from tradewind.simulator.whatif.refused import WhatIfRefused


@dataclass(frozen=True, slots=True)
class Asked:
    """`[ZONE=]FILE[#NAME]`, as written."""

    zone: str | None
    file: str
    name: str | None

    @classmethod
    def parse(cls, text: str) -> "Asked":
        zone, assigned, rest = text.partition("=")
        file, _, name = (rest if assigned else text).partition("#")
        return cls(zone if assigned else None, file, name or None)


def with_trace(script: Script, asked: Asked) -> Script:
    """The script, its spot machines in the trace's zones as many as were recorded.

    Without a zone, each trace of the file goes to the zone that it names.

    Raises:
        WhatIfRefused
    """
    zones = [zone for cloud in script.clouds.values() for zone in cloud.zones]
    try:
        laid = dict(_laid(asked, zones))
    except TraceRefused as why:
        raise WhatIfRefused(f"--trace: {why}") from why
    clouds = {name: _with_capacity(cloud, laid) for name, cloud in script.clouds.items()}
    return script.model_copy(update={"clouds": clouds})


def _laid(asked: Asked, zones: list[str]) -> Iterator[tuple[str, Capacity]]:
    """By zone, what its trace says."""
    if asked.zone is not None and asked.zone not in zones:
        raise TraceRefused(f"there is no zone {asked.zone!r} in the infra: it has {', '.join(zones)}")
    names = [asked.name] if asked.name is not None else names_in(Path(asked.file))
    if asked.zone is not None:
        if len(names) > 1:
            raise TraceRefused(
                f"{asked.file} holds {len(names)} traces: write {asked.zone}={asked.file}#{names[0]}"
            )
        yield asked.zone, _capacity(asked.file, names[0], asked.zone)
        return
    for zone in zones:
        matching = [name for name in names if _names(name, zone)]
        if len(matching) > 1:
            listed = ", ".join(matching)
            raise TraceRefused(
                f"several traces name {zone}: write {zone}={asked.file}#NAME with one of {listed}"
            )
        if matching:
            yield zone, _capacity(asked.file, matching[0], zone)
    if not any(_names(name, zone) for name in names for zone in zones):
        raise TraceRefused(
            f"no trace in {asked.file} names a zone of the infra: write {zones[0]}={asked.file}"
        )


def _names(trace: str, zone: str) -> bool:
    """`availability/1-node/aws-02-15-2023/us-east-1a_v100_1` names us-east-1a."""
    last = trace.rpartition("/")[2]
    return last == zone or last.startswith(f"{zone}_")


def _capacity(file: str, name: str, zone: str) -> Capacity:
    path = Path(file)
    steps = steps_of(Trace(file=path.name, name=name or None), path.parent)
    return Capacity(zone=zone, spot=True, steps=steps)


def _with_capacity(cloud: CloudScript, laid: dict[str, Capacity]) -> CloudScript:
    own = tuple(laid[zone] for zone in cloud.zones if zone in laid)
    return cloud.model_copy(update={"capacity": (*cloud.capacity, *own)})
