"""The seed's facts are those of the gathered catalogs, read here anew, where those are at hand."""

import csv
import gzip
import io
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tradewind.catalog import Catalog, Offer, UnknownAcceleratorError, canonical_name

ROOT = Path(__file__).resolve().parents[3]
GATHERED = ROOT.parent / "shared" / "data" / "catalog"
pytestmark = pytest.mark.skipif(
    not GATHERED.is_dir(), reason="the gathered catalogs (../shared/data) are not here"
)

FILES = {
    "aws": ["aws.csv.gz"],
    "azure": ["azure.csv.gz"],
    "gcp": ["gcp.csv.gz", "gcp_gpu_joined.csv"],
    "runpod": ["runpod_2025_partial.csv"],
}
# Gate arrays, cards that nobody asks us for, and names that say the memory of the whole machine (Verda).
NOT_OFFERED = {
    "Qualcomm AI100", "Virtex UltraScale (VU9P)", "Radeon Pro V520", "MI25",
    "RTX3060", "RTX4060", "RTX4070", "RTX5070", "A100-40GB-320GB",
    "A100-80GB-160GB", "A100-80GB-320GB", "A100-80GB-640GB",
}  # fmt: skip


def rows_of(file: str) -> Iterator[dict[str, str]]:
    content = (GATHERED / file).read_bytes()
    text = gzip.decompress(content) if file.endswith(".gz") else content
    yield from csv.DictReader(io.StringIO(text.decode()))


def same_fact(offer: Offer, row: dict[str, str]) -> bool:
    price, spot = float(row["Price"]), float(row["SpotPrice"] or 0)
    stated = spot if 0 < spot <= price else None
    return (
        offer.price_usd_h == pytest.approx(price, abs=1e-6)
        and (offer.spot_usd_h is None) == (stated is None)
        and (stated is None or offer.spot_usd_h == pytest.approx(stated, abs=1e-6))
        and (not row["vCPUs"] or offer.vcpus == float(row["vCPUs"]))
        and (not row["MemoryGiB"] or offer.memory_gib == float(row["MemoryGiB"]))
    )


@pytest.mark.parametrize("infra", [cloud.infra for cloud in Catalog.load().clouds])
def test_each_offer_is_a_row_of_its_source(infra: str):
    stated: dict[tuple[str, str, int], list[dict[str, str]]] = defaultdict(list)
    for file in FILES.get(infra, [f"{infra}.csv"]):
        for row in rows_of(file):
            tpu = not row["InstanceType"] and row["AcceleratorName"].startswith("tpu-")
            name = row["AcceleratorName"] if tpu else row["InstanceType"]
            count = int(name.rpartition("-")[2]) if tpu else int(float(row["AcceleratorCount"] or 0))
            stated[name, row["Region"], count].append(row)
    for offer in Catalog.load().by_infra(infra):
        rows = [
            row
            for row in stated[offer.instance_type, offer.region, offer.accelerator_count]
            if offer.zone in {None, row["AvailabilityZone"]}
            and bool(row["AcceleratorName"]) == bool(offer.accelerator)
        ]
        if infra == "gcp":  # an n1 host takes accelerators of several kinds
            rows = [row for row in rows if offer.accelerator in {None, "TPU-v5e", row["AcceleratorName"]}]
        assert rows
        assert all(same_fact(offer, row) for row in rows), offer


def test_the_selection_gives_the_committed_files():
    run = subprocess.run(
        [sys.executable, ROOT / "tools" / "seed_catalog.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_every_accelerator_of_the_gathered_catalogs_has_a_canonical_name():
    unknown: set[str] = set()
    for path in GATHERED.glob("*.csv*"):
        for name in {row["AcceleratorName"] for row in rows_of(path.name)} - {""}:
            try:
                canonical_name(name.rpartition("-")[0] if name.startswith("tpu-") else name)
            except UnknownAcceleratorError:
                unknown.add(name)
    assert unknown == NOT_OFFERED
