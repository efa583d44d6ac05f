"""What the infras of a world sell: a cloud of three regions, and some hosts in a lab."""

from random import Random

from tradewind.catalog.offers import Offer
from tradewind.provisioner.infra.mock.script import (
    Accelerators,
    Boot,
    CloudScript,
    InstanceType,
    Quota,
    Region,
)

INFRA = "scripted"
"""Knows for sure which of its machines are gone, as a cloud does."""
HOSTS = "hosts"
"""Does not, as hosts behind ssh."""

REGIONS = {
    "east": Region(zones=("east-a", "east-b")),
    "west": Region(zones=("west-a",), price_factor=1.2),
    "north": Region(zones=("north-a",), price_factor=1.5),
}
LAB = {"lab": Region(zones=("lab-a",))}
QUOTA_VCPUS = 60.0
"""Enough for the largest gang beside a named cluster."""


def scripts(seed: int) -> dict[str, CloudScript]:
    """By infra. Some seeds have a quota."""
    random = Random(f"markets/{seed}")
    quotas = (Quota(region="east", vcpus=QUOTA_VCPUS),) if random.random() < 0.3 else ()
    boot = Boot(takes=1.0, spread=89.0)
    return {
        INFRA: CloudScript(types=_types(1.0, spot=True), regions=REGIONS, boot=boot, quotas=quotas),
        HOSTS: CloudScript(
            types=_types(1.1, spot=False), regions={"lab": Region(zones=("lab-a",))}, boot=boot
        ),
    }


def _types(factor: float, *, spot: bool) -> dict[str, InstanceType]:
    sizes = (("small", 4.0, 16.0, None, 0.2), ("large", 16.0, 64.0, None, 0.8), ("gpu", 8.0, 32.0, "L4", 1.6))
    return {
        name: InstanceType(
            vcpus=cpus,
            memory_gib=memory,
            accelerators=Accelerators(kind=kind, count=2) if kind is not None else None,
            usd_h=usd_h * factor,
            spot_usd_h=usd_h / 3 if spot else None,
        )
        for name, cpus, memory, kind, usd_h in sizes
    }


def offers() -> tuple[Offer, ...]:
    """The same as a catalog lists it."""
    places = [place for infra, script in scripts(0).items() for place in script.places(infra)]
    spot = {(one.infra, one.zone, one.instance_type): one.price_usd_h for one in places if one.spot}
    return tuple(
        Offer(
            infra=one.infra,
            region=one.region,
            zone=one.zone,
            instance_type=one.instance_type,
            vcpus=one.room.cpus,
            memory_gib=one.room.memory_gib,
            arch="x86_64",
            accelerator=one.room.accelerator,
            accelerator_count=one.room.accelerator_count,
            price_usd_h=one.price_usd_h,
            spot_usd_h=spot.get((one.infra, one.zone, one.instance_type)),
            source="simulator",
        )
        for one in places
        if not one.spot
    )
