"""A script file: what it may say, and what is said of one that cannot be understood."""

from pathlib import Path

import pytest

from tests.unit.provisioner.mock.scripted import CLOUD, script
from tradewind.provisioner.infra.mock.reading import ScriptRefused, parse, read_script

LINES = CLOUD.count("\n")


def test_one_cloud_is_mock_and_several_are_named():
    assert list(script().by_infra()) == ["mock"]
    two = CLOUD.replace("  one:", "  one: &it") + "  two: *it\n"
    assert list(parse(two, file="f", folder=Path()).by_infra()) == ["mock-one", "mock-two"]


def test_each_way_to_buy_is_a_place_and_spot_knows_what_on_demand_costs():
    places = list(script().by_infra()["mock"].places("mock"))
    assert [str(one) for one in places if one.zone == "eu-a"] == [
        "mock/eu/eu-a small",
        "mock/eu/eu-a small (spot)",
        "mock/eu/eu-a gpu",
    ]
    prices = {(one.zone, one.instance_type, one.spot): one.price_usd_h for one in places}
    assert prices["us-a", "small", True] == 0.036
    assert prices["eu-a", "small", True] == 0.054
    assert prices["eu-a", "gpu", False] == 4.2
    assert all(one.on_demand_usd_h == prices[one.zone, one.instance_type, False] for one in places)
    gpu = next(one.room for one in places if one.instance_type == "gpu")
    assert (gpu.cpus, gpu.memory_gib, gpu.accelerator, gpu.accelerator_count) == (8, 32, "L4", 2)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            "capacty: []",
            f"cloud.yaml:{LINES + 1}:5: clouds.one.capacty: is unknown: did you mean `capacity`?",
        ),
        ("boots: {takes: soon}", "clouds.one.boots: is unknown: did you mean `boot`?"),
        ("notice: soon", "clouds.one.notice: 'soon' is not a time: write it as 90s, 5m or 1h30m"),
        (
            "capacity: [{zone: us-c, steps: [{at: 0s, nodes: 1}]}]",
            "'us-c' is not one of this cloud: did you mean",
        ),
        (
            "capacity: [{type: smal, steps: [{at: 0s, nodes: 1}]}]",
            "clouds.one.capacity.0.type: 'smal' is not",
        ),
        (
            "capacity: [{zone: us-a}]",
            "clouds.one.capacity.0: write `steps: [{at: 0s, nodes: 4}]`, or `trace:",
        ),
        ("capacity: [{steps: [{at: 5s, nodes: 1}, {at: 0s, nodes: 2}]}]", "must be in the order of time"),
        (
            "capacity: [{steps: [{at: 0s, nodes: some}]}]",
            "'some' is not a number of nodes: write a whole number",
        ),
        ("capacity: {}", "clouds.one.capacity: {} is not a list: write its entries as `[…, …]`"),
        (
            "reclaims: [{at: 5m, region: eu, zone: us-a}]",
            "clouds.one.reclaims.0.zone: 'us-a' is in region 'us', not in 'eu': write `region: us`",
        ),
        (
            "capacity: [{region: eu, zone: us-a, steps: [{at: 0s, nodes: 1}]}]",
            "capacity.0.zone: 'us-a' is in",
        ),
        ("quotas: [{region: eu, zone: us-a, nodes: 1}]", "clouds.one.quotas.0.zone: 'us-a' is in region"),
        ("refusals: [{region: eu, zone: us-a, kind: quota}]", "clouds.one.refusals.0.zone: 'us-a' is in"),
        ("outages: [{region: eu, zone: us-a, at: 1m}]", "clouds.one.outages.0.zone: 'us-a' is in region"),
        ("partial_gangs: maybe", "clouds.one.partial_gangs: 'maybe' is not true or false: write one of them"),
        ("quotas: [{region: us}]", "clouds.one.quotas.0: limits nothing: write `nodes: 4` or `vcpus: 32`"),
        ("refusals: [{kind: full}]", "'full' is unknown: write 'capacity', 'quota', 'auth', 'invalid' or"),
        ("refusals: [{first: 1}]", "clouds.one.refusals.0: `kind` is missing"),
        ("reclaims: [{zone: us-a}]", "write when, as in `at: 5m`, or how often, as in `rate: 0.5/h`"),
        ("reclaims: [{rate: 2}]", "2 is not a rate: write how often in what time, as in 0.5/h or 3/d"),
        ("faults: {lost_answers: 2}", "2 is not a share: write it as 0.1 or 10%"),
        ("faults: often", "clouds.one.faults: must be a mapping: write `lost_answers`, `list_lag`,"),
        ("outages: [{at: 1m, for: 0s}]", "0 is no time at all"),
        ("notice: 1s\nnotice: 2s", f"cloud.yaml:{LINES + 2}: notice: is written twice"),
        ("notice: [", "not YAML"),
    ],
)
def test_what_is_wrong_is_said_with_line_and_field(more: str, said: str):
    with pytest.raises(ScriptRefused) as refused:
        script(more)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty: write at least `clouds:`"),
        ("clouds: {}", "f:1:1: clouds: names nothing: write at least one, as in `east: {types: …"),
        ("clouds:", "clouds: names nothing: write at least one"),
        ("clouds: [a]", "clouds: ['a'] is not a mapping: write `name: …` for each"),
        ("seed: few\nclouds: {}", "seed: 'few' is not a whole number: write one such as 4"),
        ("- a", "f:1:1: must be a mapping: write `seed` or `clouds`"),
        ("clouds: {a: {types: {}}}", "`regions` is missing"),
        ("a: &a [*a]", "a mapping holds itself"),
    ],
)
def test_what_is_no_script(text: str, said: str):
    with pytest.raises(ScriptRefused) as refused:
        parse(text, file="f", folder=Path())
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("written", "instead", "said"),
    [
        (
            "eu: {zones: [eu-a]",
            "eu: {zones: [us-b]",
            "9:20: clouds.one.regions.eu.zones.0: 'us-b' is a zone of",
        ),
        ("[us-a, us-b]", "[us-a, us-a]", "clouds.one.regions.us.zones.1: 'us-a' is a zone of 'us' already"),
        ("[us-a, us-b]", "[us-a, eu]", "clouds.one.regions.us.zones.1: 'eu' is the name of a region: write"),
        ("[us-a, us-b]", "[us]", "clouds.one.regions.us.zones.0: 'us' is the name of a region"),
        (
            "[us-a, us-b]",
            "[]",
            "clouds.one.regions.us.zones: names nothing: write at least one, as in `[coast-a",
        ),
        ("[us-a, us-b]", "us-a", "clouds.one.regions.us.zones: 'us-a' is not a list: write its entries as"),
        ("us-b", "us/b", "clouds.one.regions.us.zones.1: 'us/b' is no name: write it without `/` and spaces"),
        ("us-b", "us b", "clouds.one.regions.us.zones.1: 'us b' is no name"),
        ("us-b", '""', "clouds.one.regions.us.zones.1: '' is no name: write one, without `/` and spaces"),
        ("us-b", "1", "clouds.one.regions.us.zones.1: 1 is no name: write it in quotes"),
        ("  us:", "  u/s:", "clouds.one.regions.u/s: 'u/s' is no name"),
        ("  us:", "  no:", "clouds.one.regions.False: False is no name: write it in quotes"),
        ("small:", '"":', "5:7: clouds.one.types.: '' is no name"),
        ("  one:", "  a cloud:", "3:3: clouds.a cloud: 'a cloud' is no name"),
        (
            "vcpus: 2",
            "vcpus: two",
            "types.small.vcpus: 'two' is not a number: write one above 0, such as 1.5",
        ),
        ("vcpus: 2", "vcpus: 0", "types.small.vcpus: 0 is not more than 0: write a number such as 1.5"),
    ],
)
def test_what_a_cloud_cannot_mean(written: str, instead: str, said: str):
    assert written in CLOUD
    with pytest.raises(ScriptRefused) as refused:
        parse(CLOUD.replace(written, instead, 1), file="f", folder=Path())
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_zone_may_be_named_with_its_region():
    (reclaim,) = script("reclaims: [{at: 5m, region: us, zone: us-a}]").clouds["one"].reclaims
    assert (reclaim.region, reclaim.zone) == ("us", "us-a")


def test_a_bare_number_is_in_seconds():
    assert script("notice: 20").clouds["one"].notice == script("notice: 20s").clouds["one"].notice == 20


def test_a_file_that_is_not_there(tmp_path: Path):
    with pytest.raises(ScriptRefused, match="cannot be read: No such file"):
        read_script(tmp_path / "none.yaml")


TRACE = """trace,start_tick,len_ticks,available,gap_seconds
a,0,2,1.0,100
a,2,3,0,100
a,5,1,4,100
b,0,1,1,100
"""


def test_a_recorded_trace_becomes_steps(tmp_path: Path):
    (tmp_path / "t.csv").write_text(TRACE)
    more = "capacity: [{zone: us-a, spot: true, trace: {file: t.csv, name: a, offset: 150s, speed: 10}}]"
    text = CLOUD + f"    {more}\n"
    (tmp_path / "cloud.yaml").write_text(text)
    capacity = read_script(tmp_path / "cloud.yaml").clouds["one"].capacity[0]
    assert [(step.at, step.nodes) for step in capacity.steps] == [(0, 1), (5, 0), (35, 4), (45, 0)]
    assert capacity.trace is None


def test_the_gap_comes_from_the_index_beside_the_file(tmp_path: Path):
    (tmp_path / "t_rle.csv").write_text("trace,start_tick,len_ticks,available\na,0,2,3\n")
    (tmp_path / "t_index.csv").write_text("trace,gap_seconds\na,30\n")
    text = CLOUD + "    capacity: [{trace: {file: t_rle.csv}}]\n"
    (tmp_path / "cloud.yaml").write_text(text)
    capacity = read_script(tmp_path / "cloud.yaml").clouds["one"].capacity[0]
    assert [(step.at, step.nodes) for step in capacity.steps] == [(0, 3), (60, 0)]


@pytest.mark.parametrize(
    ("trace", "said"),
    [
        ("{file: none.csv}", "cannot be read: name a trace in CSV or Parquet"),
        ("{file: t.csv}", "holds 2 traces: write `name: a`, or another"),
        ("{file: t.csv, name: c}", "holds no trace 'c': write `a` or `b`"),
        (
            "{file: t.csv, name: b, offset: 1h}",
            "`offset` is behind the end of the trace, which is 100 s long",
        ),
        ("{file: bare.csv}", "how long a tick is, neither"),
        ("{file: words.csv}", "has a row that is no trace (start_tick '0', len_ticks 'x', available '1')"),
        ("{file: gaps.csv}", "says no length of a tick (gap_seconds): write seconds, as in 600"),
        ("{file: other.csv}", "has no column 'start_tick'"),
    ],
)
def test_a_trace_that_cannot_be_used(tmp_path: Path, trace: str, said: str):
    (tmp_path / "t.csv").write_text(TRACE)
    (tmp_path / "bare.csv").write_text("start_tick,len_ticks,available\n0,1,1\n")
    (tmp_path / "words.csv").write_text("start_tick,len_ticks,available,gap_seconds\n0,x,1,60\n")
    (tmp_path / "gaps.csv").write_text("start_tick,len_ticks,available,gap_seconds\n0,1,1,none\n")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    (tmp_path / "cloud.yaml").write_text(CLOUD + f"    capacity: [{{trace: {trace}}}]\n")
    with pytest.raises(ScriptRefused) as refused:
        read_script(tmp_path / "cloud.yaml")
    assert said in str(refused.value)
    assert f"cloud.yaml:{LINES + 1}:" in str(refused.value)
    assert "clouds.one.capacity.0.trace" in str(refused.value)
