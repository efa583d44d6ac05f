"""The text form of one cloud's offers: who says so in the head, one offer a line below.

    # infra: aws
    # name: Amazon Web Services
    # source: owner/repository@commit
    # source_path: path/in/the/repository
    # as_of: 2026-07-05
    # as_of_exact: yes
    # note: any number of these
    instance_type,vcpus,memory_gib,arch,accelerator,count,region,zone,usd_h,spot_usd_h
    m7i.large,2,8,x86_64,,,us-east-1,,0.1008,0.04018

Prices are US dollars an hour for the whole machine. An empty cell is "unknown" (spot_usd_h), "none"
(accelerator, count) or "any" (zone).
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from tradewind.catalog.accelerators import ACCELERATORS
from tradewind.catalog.offers import Cloud, Offer, OfferKey

COLUMNS = (
    "instance_type",
    "vcpus",
    "memory_gib",
    "arch",
    "accelerator",
    "count",
    "region",
    "zone",
    "usd_h",
    "spot_usd_h",
)
_HEAD = ("infra", "name", "source", "source_path", "as_of", "as_of_exact")
_ARCHES = ("x86_64", "arm64")
_HIGHEST = 1e6  # no machine has so many cores, GiB or dollars an hour: such a cell is a slip, and so is nan


class CloudFileError(ValueError):
    """A cloud file breaks its format; the message names the file and the line."""

    def __init__(self, file: str, line: int, problem: str) -> None:
        super().__init__(f"{file} line {line}: {problem}")


def parse_cloud_file(text: str, *, file: str) -> tuple[Cloud, tuple[Offer, ...]]:
    """The cloud and its offers in the order of the file. Raises CloudFileError; `file` is for its message."""
    lines = text.splitlines()
    head_length = next((at for at, line in enumerate(lines) if not line.startswith("# ")), len(lines))
    cloud = _parse_head(lines[:head_length], file)
    if head_length == len(lines) or tuple(lines[head_length].split(",")) != COLUMNS:
        raise CloudFileError(file, head_length + 1, f"the columns must be {','.join(COLUMNS)}")
    offers: list[Offer] = []
    seen: set[OfferKey] = set()
    for number, cells in enumerate(csv.reader(lines[head_length + 1 :]), head_length + 2):
        try:
            offer = _parse_row(cells, cloud)
        except ValueError as problem:
            raise CloudFileError(file, number, str(problem)) from None
        if offer.key in seen:
            raise CloudFileError(file, number, "this machine type was already offered in this place")
        seen.add(offer.key)
        offers.append(offer)
    return cloud, tuple(offers)


def format_cloud_file(cloud: Cloud, offers: Iterable[Offer]) -> str:
    """The text that parse_cloud_file reads back into the same cloud and offers (prices to six decimals)."""
    out = io.StringIO()
    out.writelines(f"# {field}: {value}\n" for field, value in _head_of(cloud))
    table = csv.writer(out, lineterminator="\n")
    table.writerow(COLUMNS)
    table.writerows(_row_of(offer) for offer in offers)
    return out.getvalue()


def _parse_head(lines: list[str], file: str) -> Cloud:
    said: dict[str, str] = {}
    notes: list[str] = []
    for number, line in enumerate(lines, 1):
        field, _, value = line.removeprefix("# ").partition(": ")
        if field == "note" and value:
            notes.append(value)
        elif problem := _problem_of_field(field, value, said):
            raise CloudFileError(file, number, problem)
        else:
            said[field] = value
    if missing := [field for field in _HEAD if field not in said]:
        raise CloudFileError(file, len(lines) + 1, f"the head lacks {', '.join(missing)}")
    return Cloud(
        infra=said["infra"],
        name=said["name"],
        source=said["source"],
        source_path=said["source_path"],
        as_of=date.fromisoformat(said["as_of"]),
        as_of_exact=said["as_of_exact"] == "yes",
        notes=tuple(notes),
    )


def _problem_of_field(field: str, value: str, said: Mapping[str, str]) -> str | None:
    if field not in _HEAD or not value:
        return f"a head line is '# field: value' with one of {', '.join(_HEAD)}, note"
    if field in said:
        return f"{field} was already given"
    if field == "as_of_exact" and value not in {"yes", "no"}:
        return f"as_of_exact {value!r} must be yes or no"
    if field == "as_of":
        try:
            date.fromisoformat(value)
        except ValueError:
            return f"as_of {value!r} is not a day such as 2026-07-05"
    return None


def _head_of(cloud: Cloud) -> Iterator[tuple[str, str]]:
    yield "infra", cloud.infra
    yield "name", cloud.name
    yield "source", cloud.source
    yield "source_path", cloud.source_path
    yield "as_of", cloud.as_of.isoformat()
    yield "as_of_exact", "yes" if cloud.as_of_exact else "no"
    for note in cloud.notes:
        yield "note", note


def _parse_row(cells: list[str], cloud: Cloud) -> Offer:
    if len(cells) != len(COLUMNS):
        raise ValueError(f"{len(cells)} cells where {len(COLUMNS)} are wanted")
    instance_type, vcpus, memory_gib, arch, accelerator, count, region, zone, usd_h, spot_usd_h = cells
    if not instance_type or not region:
        raise ValueError("instance_type and region must be given")
    if arch not in _ARCHES:
        raise ValueError(f"arch {arch!r} must be {' or '.join(_ARCHES)}")
    if accelerator and accelerator not in ACCELERATORS:
        raise ValueError(f"accelerator {accelerator!r} is not a canonical name")
    if bool(accelerator) != bool(count) or (count and not (count.isdecimal() and int(count) > 0)):
        raise ValueError("accelerator and count go together, and a count is a whole number above 0")
    return Offer(
        infra=cloud.infra,
        region=region,
        zone=zone or None,
        instance_type=instance_type,
        vcpus=_above_zero("vcpus", vcpus),
        memory_gib=_above_zero("memory_gib", memory_gib),
        arch=arch,
        accelerator=accelerator or None,
        accelerator_count=int(count or 0),
        price_usd_h=_above_zero("usd_h", usd_h),
        spot_usd_h=_above_zero("spot_usd_h", spot_usd_h) if spot_usd_h else None,
        source=cloud.source,
    )


def _row_of(offer: Offer) -> tuple[str, ...]:
    return (
        offer.instance_type,
        _decimal(offer.vcpus),
        _decimal(offer.memory_gib),
        offer.arch,
        offer.accelerator or "",
        str(offer.accelerator_count or ""),
        offer.region,
        offer.zone or "",
        _decimal(offer.price_usd_h),
        _decimal(offer.spot_usd_h) if offer.spot_usd_h else "",
    )


def _above_zero(column: str, cell: str) -> float:
    try:
        number = float(cell)
    except ValueError:
        raise ValueError(f"{column} {cell!r} is not a number") from None
    if not 0 < number < _HIGHEST:
        raise ValueError(f"{column} {cell!r} must be above 0: a fact that is not known is left out, never 0")
    return number


def _decimal(number: float) -> str:
    return f"{number:.6f}".rstrip("0").rstrip(".")
