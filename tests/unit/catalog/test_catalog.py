"""Offers are found by infra and by accelerator, and a folder of cloud files is read as a whole."""

from pathlib import Path

import pytest

from tradewind.catalog import Catalog, CloudFileError

HEAD = """\
# infra: {infra}
# name: {infra}
# source: {infra}/prices@1a2b3c4
# source_path: prices.csv
# as_of: 2026-07-05
# as_of_exact: yes
instance_type,vcpus,memory_gib,arch,accelerator,count,region,zone,usd_h,spot_usd_h
"""
ACME = "c,2,4,x86_64,,,south,,0.1,\nh1,8,64,x86_64,H100,1,south,,4,1\nh8,64,512,x86_64,H100,8,south,,32,\n"
ZEPHYR = "s8,64,512,x86_64,H100-SXM,8,east,,24,\np1,8,64,x86_64,H100-PCIe,1,east,,3,\n"


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    (tmp_path / "zephyr.csv").write_text(HEAD.format(infra="zephyr") + ZEPHYR)
    (tmp_path / "acme.csv").write_text(HEAD.format(infra="acme") + ACME)
    return Catalog.load(tmp_path)


def test_a_folder_is_read_in_the_order_of_its_names(catalog: Catalog):
    assert [cloud.infra for cloud in catalog.clouds] == ["acme", "zephyr"]
    assert [offer.instance_type for offer in catalog.offers] == ["c", "h1", "h8", "s8", "p1"]


@pytest.mark.parametrize(
    ("infra", "types"), [("acme", ["c", "h1", "h8"]), ("zephyr", ["s8", "p1"]), ("local", [])]
)
def test_by_infra(catalog: Catalog, infra: str, types: list[str]):
    assert [offer.instance_type for offer in catalog.by_infra(infra)] == types


@pytest.mark.parametrize(
    ("name", "count", "types"),
    [
        ("H100", None, ["h1", "h8", "s8", "p1"]),
        ("H100", 8, ["h8", "s8"]),
        ("H100", 1, ["h1", "p1"]),
        ("H100", 4, []),
        ("H100-SXM", None, ["s8"]),
        ("H100-PCIe", 8, []),
        ("A100", None, []),
    ],
)
def test_by_accelerator(catalog: Catalog, name: str, count: int | None, types: list[str]):
    assert [offer.instance_type for offer in catalog.by_accelerator(name, count)] == types


def test_looking_for_what_is_not_there_leaves_no_trace(catalog: Catalog):
    catalog.by_infra("nowhere")
    catalog.by_accelerator("L4")
    assert {offer.infra for offer in catalog.offers} == {"acme", "zephyr"}
    assert catalog.by_infra("nowhere") == catalog.by_accelerator("L4") == ()


def test_a_folder_without_cloud_files_is_an_error(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="no cloud file"):
        Catalog.load(tmp_path / "absent")


def test_a_broken_file_is_named(tmp_path: Path):
    (tmp_path / "acme.csv").write_text(HEAD.format(infra="acme") + ACME + "free,1,1,x86_64,,,south,,0,\n")
    with pytest.raises(CloudFileError, match=r"acme\.csv line 11: usd_h '0' must be above 0"):
        Catalog.load(tmp_path)
