"""Scripts and orders as tests of the scripted cloud begin with them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from tradewind.common.contracts.values import Place
from tradewind.provisioner.contracts import LaunchOrder
from tradewind.provisioner.infra.mock.cloud import MockCloud
from tradewind.provisioner.infra.mock.reading import parse
from tradewind.provisioner.infra.mock.script import Script
from tradewind.provisioner.infra.mock.state import CloudState

NOW = datetime(2026, 1, 1, tzinfo=UTC)

CLOUD = """
clouds:
  one:
    types:
      small: {vcpus: 2, memory_gib: 4, usd_h: 0.36, spot_usd_h: 0.036}
      gpu: {vcpus: 8, memory_gib: 32, accelerators: "L4:2", usd_h: 3.6}
    regions:
      us: {zones: [us-a, us-b]}
      eu: {zones: [eu-a], price_factor: 1.5, prices: {gpu: {usd_h: 4.2}}}
    boot: {takes: 10s}
"""


def script(more: str = "") -> Script:
    """`more` are further keys of the cloud, as YAML."""
    indented = "".join(f"    {line}\n" for line in more.strip().splitlines())
    return parse(CLOUD + indented, file="cloud.yaml", folder=Path())


def cloud(more: str = "", *, seed: int = 0) -> MockCloud:
    infra, one = next(iter(script(more).by_infra().items()))
    return MockCloud(infra, one, seed=seed, state=CloudState(began_at=NOW))


def place(where: MockCloud, zone: str = "us-a", *, kind: str = "small", spot: bool = False) -> Place:
    return next(
        one
        for one in where.script.places(where.infra)
        if (one.zone, one.instance_type, one.spot) == (zone, kind, spot)
    )


def order(at: Place, *nodes: str) -> LaunchOrder:
    return LaunchOrder(cluster="c", claim="claim", workspace="w", place=at, nodes=nodes or ("n",))


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)
