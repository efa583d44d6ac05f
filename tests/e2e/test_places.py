"""Places that refuse, are slow, or are taken: where a job ends up, and what becomes of the others."""

import time
from pathlib import Path

import pytest

from tests.e2e.stack import LocalStack, local_stack
from tradewind.client.task.parse import parse

CLOUD = """
clouds:
  shut:
    types: {box: {vcpus: 2, memory_gib: 4, usd_h: 1.0}}
    regions: {north: {zones: [north-a, north-b, north-c]}}
    refusals: [{kind: auth}]
  slow:
    types: {box: {vcpus: 2, memory_gib: 4, usd_h: 2.0}}
    regions: {north: {zones: [north-a]}}
    boot: {takes: 10m}
  fast:
    types: {box: {vcpus: 2, memory_gib: 4, usd_h: 3.0}}
    regions: {north: {zones: [north-a]}}
    boot: {takes: 0.1s}
"""
TASK = """
name: race
num_nodes: 2
resources: {cpus: 2, race: 2}
run: echo $SKYPILOT_NODE_RANK
"""


@pytest.fixture
def stack(tmp_path: Path):
    script = tmp_path / "cloud.yaml"
    script.write_text(CLOUD)
    with local_stack(tmp_path / "home", TRADEWIND_MOCK=str(script), TRADEWIND_LOCAL_NODES="1") as running:
        yield running


def test_the_first_whole_gang_is_kept_and_the_slow_one_is_given_back_unused(stack: LocalStack) -> None:
    with stack.client() as tw:
        job = tw.submit(parse(TASK, file="race.yaml"))
        info = job.wait(timeout=60)
        assert info.phase == "succeeded", info.reason
        nodes = _settled(stack)
        seats = {rank.node for rank in job.info().ranks}
        assert {one.place.infra for one in nodes if one.id in seats} == {"mock-fast"}
        by_infra = {
            infra: [one for one in nodes if one.place.infra == infra] for infra in ("mock-slow", "mock-fast")
        }
        assert [one.phase for one in by_infra["mock-slow"]] == ["terminated"] * 2
        assert all(one.reason == "another place was faster" for one in by_infra["mock-slow"])
        assert all(0 < one.cost_usd < 2.0 * 60 / 3600 for one in by_infra["mock-slow"])
        assert len(by_infra["mock-fast"]) == 2
        cluster = next(one for one in tw.clusters(all=True) if one.count == 2)
        assert [(one.kind, one.scope) for one in cluster.failures] == [("auth", "infra")] * 2, (
            "two of its zones"
        )
        why = {one.name: (one.enabled, one.why) for one in tw.infra()}["mock-shut"]
        assert why[0]
        assert why[1].startswith("it refused a launch: ")


def _settled(stack: LocalStack):
    """The nodes, once the losers of the race have ended."""
    deadline = time.monotonic() + 20
    with stack.client() as tw:
        while True:
            nodes = tw.nodes(all=True)
            if all(one.ended_at for one in nodes if one.place.infra == "mock-slow"):
                return nodes
            assert time.monotonic() < deadline, nodes
            time.sleep(0.2)
