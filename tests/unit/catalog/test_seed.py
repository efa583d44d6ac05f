"""The seed catalog: what people ask for most is in it, and every row says something that can be true."""

import re
from collections import Counter
from datetime import date

import pytest

from tradewind.catalog import Catalog
from tradewind.catalog.catalog import SEED

CLOUDS = {
    "aws", "azure", "cudo", "do", "fluidstack", "gcp", "hyperbolic", "hyperstack", "ibm", "jarvislabs",
    "lambda", "lium", "nebius", "oci", "ovhcloud", "paperspace", "primeintellect", "runpod", "scaleway",
    "scp", "seeweb", "shadeform", "vast", "verda", "yotta",
}  # fmt: skip
ASKED_FOR_MOST = {
    "T4": {1, 2, 4, 8},
    "L4": {1, 2, 4, 8},
    "A10": {1, 2, 4},
    "A10G": {1, 4, 8},
    "L40S": {1, 2, 4, 8},
    "V100": {1, 2, 4, 8},
    "A100": {1, 2, 4, 8},
    "A100-80GB": {1, 2, 4, 8},
    "H100": {1, 2, 4, 8},
    "H200": {1, 2, 4, 8},
    "B200": {1, 2, 4, 8},
    "B300": {1, 8},
    "MI300X": {8},
    "RTX4090": {1, 8},
    "TPU-v5e": {1, 4, 8},
    "Trainium": {1, 16},
    "Inferentia2": {1, 6, 12},
    "Gaudi": {8},
}


@pytest.fixture(scope="module")
def seed() -> Catalog:
    return Catalog.load()


def test_every_cloud_is_there_with_source_and_date(seed: Catalog):
    assert {cloud.infra for cloud in seed.clouds} == CLOUDS
    for cloud in seed.clouds:
        assert re.fullmatch(r"[\w-]+/[\w-]+@\w+", cloud.source)
        assert cloud.name
        assert cloud.source_path
        assert date(2023, 1, 1) <= cloud.as_of <= date(2026, 11, 22)
        assert seed.by_infra(cloud.infra)


def test_a_file_is_named_after_its_cloud(seed: Catalog):
    assert {path.stem for path in SEED.glob("*.csv")} == {cloud.infra for cloud in seed.clouds}


def test_no_two_offers_are_the_same(seed: Catalog):
    assert [key for key, times in Counter(offer.key for offer in seed.offers).items() if times > 1] == []


def test_every_offer_can_be_true(seed: Catalog):
    sources = {cloud.infra: cloud.source for cloud in seed.clouds}
    for offer in seed.offers:
        assert offer.source == sources[offer.infra]
        assert offer.spot_usd_h is None or 0 < offer.spot_usd_h <= offer.price_usd_h
        assert 1 <= offer.vcpus <= 384
        assert 2 <= offer.memory_gib <= 4096
        assert 0.01 < offer.price_usd_h < 200
        assert (offer.accelerator is None) == (offer.accelerator_count == 0)


@pytest.mark.parametrize("name", ["H100", "H200", "B200"])
def test_no_such_accelerator_costs_less_than_a_dollar_an_hour(seed: Catalog, name: str):
    """Where a source says so it gives a bid floor, or the price of a share of the machine."""
    assert min(offer.price_usd_h / offer.accelerator_count for offer in seed.by_accelerator(name)) > 1


@pytest.mark.parametrize(("name", "counts"), ASKED_FOR_MOST.items())
def test_what_people_ask_for_most_is_offered(seed: Catalog, name: str, counts: set[int]):
    assert counts <= {offer.accelerator_count for offer in seed.by_accelerator(name)}


def test_a_machine_without_accelerator_of_each_usual_size_is_offered_by_several_clouds(seed: Catalog):
    plain = [offer for offer in seed.offers if offer.accelerator is None]
    for vcpus in (2, 4, 8, 16, 32, 64):
        assert len({offer.infra for offer in plain if offer.vcpus == vcpus}) >= 4
    assert {offer.infra for offer in plain if offer.arch == "arm64"} == {"aws", "gcp", "azure"}


def test_machines_like_this_one_have_no_price(seed: Catalog):
    assert {"local", "docker", "ssh", "kubernetes", "slurm"}.isdisjoint(offer.infra for offer in seed.offers)
