"""A cloud file reads back as written, and what is wrong with one is said with file and line."""

from datetime import date

import pytest

from tradewind.catalog import Cloud, CloudFileError, Offer
from tradewind.catalog.cloud_file import format_cloud_file, parse_cloud_file

CLOUD = Cloud(
    infra="acme",
    name="Acme: Clouds",
    source="acme/prices@1a2b3c4",
    source_path="prices.json",
    as_of=date(2026, 7, 5),
    as_of_exact=True,
    notes=("Linux only.", "Prices: before tax."),
)
OFFERS = (
    Offer(
        infra="acme",
        region="north, far",
        zone=None,
        instance_type="c.large",
        vcpus=2,
        memory_gib=3.75,
        arch="arm64",
        accelerator=None,
        accelerator_count=0,
        price_usd_h=0.0000625,
        spot_usd_h=None,
        source="acme/prices@1a2b3c4",
    ),
    Offer(
        infra="acme",
        region="south",
        zone="south-a",
        instance_type='g."huge"',
        vcpus=192,
        memory_gib=2048,
        arch="x86_64",
        accelerator="H100-SXM",
        accelerator_count=8,
        price_usd_h=98.32,
        spot_usd_h=18.169536,
        source="acme/prices@1a2b3c4",
    ),
)
TEXT = """\
# infra: acme
# name: Acme
# source: acme/prices@1a2b3c4
# source_path: prices.json
# as_of: 2026-07-05
# as_of_exact: no
instance_type,vcpus,memory_gib,arch,accelerator,count,region,zone,usd_h,spot_usd_h
c.large,2,4,x86_64,,,south,,0.1,
g.large,8,64,x86_64,L4,1,south,south-a,0.9,0.3
"""


def test_what_is_written_reads_back():
    text = format_cloud_file(CLOUD, [OFFERS[1]])
    assert parse_cloud_file(text, file="acme.csv") == (CLOUD, (OFFERS[1],))


def test_prices_are_kept_to_six_decimals():
    text = format_cloud_file(CLOUD, OFFERS)
    _, (small, _) = parse_cloud_file(text, file="acme.csv")
    assert small.price_usd_h == pytest.approx(0.0000625, abs=5e-7)
    assert (small.region, small.zone, small.spot_usd_h, small.accelerator_count) == (
        "north, far",
        None,
        None,
        0,
    )


@pytest.mark.parametrize(("exact", "dated"), [(True, "2026-07-05"), (False, "by 2026-07-05")])
def test_a_date_that_is_a_bound_says_so(exact: bool, dated: str):
    cloud, _ = parse_cloud_file(
        TEXT.replace("exact: no", f"exact: {'yes' if exact else 'no'}"), file="acme.csv"
    )
    assert cloud.dated == dated


@pytest.mark.parametrize(
    ("old", "new", "line", "sentence"),
    [
        ("# infra: acme\n", "", 6, "the head lacks infra"),
        ("# name: Acme", "# nome: Acme", 2, "a head line is"),
        ("# name: Acme", "# name:", 2, "a head line is"),
        ("# name: Acme", "# infra: acme", 2, "infra was already given"),
        ("2026-07-05", "July", 5, "as_of 'July' is not a day"),
        ("2026-07-05", "2026-02-30", 5, "is not a day"),
        ("exact: no", "exact: maybe", 6, "must be yes or no"),
        ("usd_h,spot_usd_h", "price", 7, "the columns must be"),
        ("c.large,2,4", "c.large,2", 8, "9 cells where 10 are wanted"),
        ("c.large,", ",", 8, "instance_type and region must be given"),
        (",south,,0.1,", ",,,0.1,", 8, "instance_type and region must be given"),
        ("c.large,2", "c.large,two", 8, "vcpus 'two' is not a number"),
        ("c.large,2,4", "c.large,2,0", 8, "memory_gib '0' must be above 0"),
        (",0.1,", ",0,", 8, "usd_h '0' must be above 0: a fact that is not known is left out"),
        (",0.1,", ",-0.1,", 8, "usd_h '-0.1' must be above 0"),
        (",0.1,", ",nan,", 8, "usd_h 'nan' must be above 0"),
        (",0.1,", ",inf,", 8, "usd_h 'inf' must be"),
        (",0.1,", ",,", 8, "usd_h '' is not a number"),
        (",0.9,0.3", ",0.9,0", 9, "spot_usd_h '0' must be above 0"),
        ("x86_64,L4", "amd64,L4", 9, "arch 'amd64' must be x86_64 or arm64"),
        ("L4,1", "L5,1", 9, "accelerator 'L5' is not a canonical name"),
        ("L4,1", "l4,1", 9, "accelerator 'l4' is not a canonical name"),
        ("L4,1", "L4,", 9, "accelerator and count go together"),
        ("L4,1", ",1", 9, "accelerator and count go together"),
        ("L4,1", "L4,0", 9, "accelerator and count go together"),
        ("L4,1", "L4,0.5", 9, "accelerator and count go together"),
        ("g.large,8,64,x86_64,L4,1,south,south-a", "c.large,8,64,x86_64,,,south,", 9, "was already offered"),
        ("\ng.large", "\n\ng.large", 9, "0 cells where 10 are wanted"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(old: str, new: str, line: int, sentence: str):
    assert old in TEXT
    with pytest.raises(CloudFileError, match=sentence) as told:
        parse_cloud_file(TEXT.replace(old, new, 1), file="acme.csv")
    assert str(told.value).startswith(f"acme.csv line {line}: ")


@pytest.mark.parametrize("text", ["", "# infra: acme\n"])
def test_a_file_that_ends_in_its_head_is_refused(text: str):
    with pytest.raises(CloudFileError, match=r"acme\.csv line \d: the head lacks"):
        parse_cloud_file(text, file="acme.csv")
