"""Writes the seed catalog: picks from the gathered catalogs what tools/seed_catalog.toml names.

    python tools/seed_catalog.py           write libs/catalog/src/tradewind/catalog/seed/*.csv again
    python tools/seed_catalog.py --check   write nothing; exit code 1 if a file would change

The gathered catalogs are outside the repository, in ../shared/data/catalog (--gathered names another folder);
where they are absent there is nothing to do. The same input gives the same files.
"""

import argparse
import csv
import gzip
import io
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from fnmatch import fnmatchcase
from functools import cache
from itertools import groupby
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from tradewind.catalog import Cloud, Offer, OfferKey, canonical_name, parse_accelerators
from tradewind.catalog.catalog import SEED
from tradewind.catalog.cloud_file import format_cloud_file

ROOT = Path(__file__).resolve().parent.parent
SELECTION = Path(__file__).with_suffix(".toml")
GATHERED = ROOT.parent / "shared" / "data" / "catalog"


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Host(Strict):
    vcpus: float
    memory_gib: float


class Pick(Strict):
    types: tuple[str, ...]
    file: str | None = None
    regions: tuple[str, ...] = ()
    vcpus: frozenset[float] = frozenset()
    gib_per_vcpu: frozenset[float] = frozenset()
    accelerators: frozenset[str] = frozenset()
    from_usd_h: float = 0
    per_region: bool = False


class CloudSelection(Strict):
    infra: str
    name: str
    file: str
    source: str
    source_path: str
    as_of: date
    as_of_exact: bool
    notes: tuple[str, ...] = ()
    arm64: tuple[str, ...] = ()
    accelerator_of: dict[str, str] = {}
    hosts: dict[str, Host] = {}
    pick: tuple[Pick, ...]

    def cloud(self) -> Cloud:
        return Cloud(
            infra=self.infra,
            name=self.name,
            source=self.source,
            source_path=self.source_path,
            as_of=self.as_of,
            as_of_exact=self.as_of_exact,
            notes=self.notes,
        )


class Selection(Strict):
    cloud: tuple[CloudSelection, ...]


class SelectionError(Exception):
    """The selection does not fit what was gathered."""


def main() -> int:
    parser = argparse.ArgumentParser(description="Write the seed catalog from the gathered catalogs.")
    parser.add_argument(
        "--check", action="store_true", help="write nothing, and fail where a file would change"
    )
    parser.add_argument("--gathered", type=Path, default=GATHERED, help="folder of the gathered catalogs")
    options = parser.parse_args()
    if not options.gathered.is_dir():
        print(f"seed_catalog: skipped, the gathered catalogs are not in {options.gathered}", file=sys.stderr)
        return 0
    selection = Selection.model_validate(tomllib.loads(SELECTION.read_text(encoding="utf-8")))
    try:
        wanted = {f"{one.infra}.csv": seed_file(one, options.gathered) for one in selection.cloud}
    except SelectionError as problem:
        print(f"seed_catalog: {problem}", file=sys.stderr)
        return 2
    present = {path.name: path.read_text(encoding="utf-8") for path in SEED.glob("*.csv")}
    changed = sorted(name for name in wanted.keys() | present.keys() if wanted.get(name) != present.get(name))
    if options.check:
        for name in changed:
            print(f"seed_catalog: {name} differs from what was gathered; run python tools/seed_catalog.py")
        return 1 if changed else 0
    for name in changed:
        write(SEED / name, wanted.get(name))
    print(f"seed_catalog: {len(wanted)} clouds, {len(changed)} files changed")
    return 0


def write(path: Path, text: str | None) -> None:
    if text is None:
        path.unlink()
    else:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


def seed_file(selection: CloudSelection, gathered: Path) -> str:
    offers: dict[OfferKey, Offer] = {}
    for pick in selection.pick:
        for offer in offers_of(selection, pick, gathered):
            if offers.setdefault(offer.key, offer) != offer:
                raise SelectionError(f"{selection.infra}: {offer.key} has two prices; pick more narrowly")
    return format_cloud_file(selection.cloud(), offers.values())


def offers_of(selection: CloudSelection, pick: Pick, gathered: Path) -> Iterator[Offer]:
    """The offers of one pick: in the order of its types, then by size, then in the order of its regions."""
    rows = read_rows(gathered / (pick.file or selection.file))
    for pattern in pick.types:
        found = [
            offer
            for row in rows
            if fnmatchcase(type_of(row), pattern) and (not pick.regions or row["Region"] in pick.regions)
            for offer in offer_of(row, selection)
            if is_picked(offer, pick)
        ]
        if not found:
            raise SelectionError(f"{selection.infra}: nothing matches {pattern!r}")
        found.sort(key=lambda offer: seed_order(offer, pick))
        yield from merge_zones(found) if pick.per_region else found


def seed_order(offer: Offer, pick: Pick) -> tuple[str | float, ...]:
    place = pick.regions.index(offer.region) if pick.regions else 0
    size = (offer.accelerator or "", offer.accelerator_count, offer.vcpus, offer.memory_gib)
    return *size, offer.instance_type, place, offer.region, offer.zone or ""


def is_picked(offer: Offer, pick: Pick) -> bool:
    return (
        (not pick.vcpus or offer.vcpus in pick.vcpus)
        and (not pick.gib_per_vcpu or offer.memory_gib / offer.vcpus in pick.gib_per_vcpu)
        and (not pick.accelerators or offer.accelerator in pick.accelerators)
        and offer.price_usd_h >= pick.from_usd_h * offer.accelerator_count
    )


def offer_of(row: dict[str, str], selection: CloudSelection) -> Iterator[Offer]:
    """The offer that a row states: none where it gives no price (0 is a source's way to say unknown)."""
    instance_type = type_of(row)
    price = float(row["Price"] or 0)
    spot = float(row["SpotPrice"] or 0)
    if price <= 0:
        return
    host = selection.hosts.get(instance_type)
    accelerator, count = accelerator_of(row, selection)
    yield Offer(
        infra=selection.infra,
        region=row["Region"],
        zone=row["AvailabilityZone"] or None,
        instance_type=instance_type,
        vcpus=host.vcpus if host else float(row["vCPUs"]),
        memory_gib=host.memory_gib if host else float(row["MemoryGiB"]),
        arch="arm64" if any(fnmatchcase(instance_type, pattern) for pattern in selection.arm64) else "x86_64",
        accelerator=accelerator,
        accelerator_count=count,
        price_usd_h=price,
        spot_usd_h=spot if 0 < spot <= price else None,  # above the price: the row's known fault, so unknown
        source=selection.source,
    )


def accelerator_of(row: dict[str, str], selection: CloudSelection) -> tuple[str | None, int]:
    if not row["AcceleratorName"]:
        return None, 0
    if not row["InstanceType"]:
        return parse_accelerators(row["AcceleratorName"])
    for pattern, name in selection.accelerator_of.items():
        if fnmatchcase(row["InstanceType"], pattern):
            return canonical_name(name), whole(row)
    return canonical_name(row["AcceleratorName"]), whole(row)


def whole(row: dict[str, str]) -> int:
    count = float(row["AcceleratorCount"])
    if not count.is_integer():
        raise SelectionError(f"{row['InstanceType']} shares an accelerator ({count}); leave it out")
    return int(count)


def type_of(row: dict[str, str]) -> str:
    """The machine type; a TPU has none in the source, and is launched by its accelerator's name."""
    return row["InstanceType"] or row["AcceleratorName"]


def merge_zones(offers: Iterable[Offer]) -> Iterator[Offer]:
    for _, group in groupby(offers, key=lambda offer: (offer.instance_type, offer.region)):
        merged = {replace(offer, zone=None) for offer in group}
        if len(merged) > 1:
            raise SelectionError(f"{merged.pop().key}: its zones differ in price; pick them by zone")
        yield from merged


@cache
def read_rows(path: Path) -> tuple[dict[str, str], ...]:
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return tuple(csv.DictReader(io.StringIO(content.decode())))


if __name__ == "__main__":
    sys.exit(main())
