"""A small workload, run for real on the infra `mock` and told by what-if: the same launches at the same
places, and the same cost but for what real processes take to start.
"""

import time
from collections import Counter
from pathlib import Path

import pytest

from tests.e2e.stack import local_stack
from tradewind.client import Job
from tradewind.client.records import Node
from tradewind.client.task import task_from_file
from tradewind.simulator.whatif.run import simulate

USD_H = 3_600.0
"""A dollar a second."""
IDLE_S = 3
CLOUD = f"""
clouds:
  shop:
    boot: {{takes: 2s}}
    types:
      box: {{vcpus: 2, memory_gib: 8, usd_h: {USD_H}, spot_usd_h: {USD_H / 4}}}
    regions:
      north: {{zones: [north-a, north-b]}}
      south: {{zones: [south-a], price_factor: 2}}
    capacity:
      - {{region: north, steps: [{{at: 0s, nodes: 2}}]}}
    refusals:
      - {{zone: north-a, kind: capacity, first: 1}}
"""
TASKS = {
    # (fields, submitted at, runs for): one after the other where they would race for the same machines.
    "gang": ("num_nodes: 2\nresources: {cpus: 2, infra: mock}\nrun: sleep 9\n", 0, 9),
    "far": ("resources: {cpus: 2, infra: mock/south}\nrun: sleep 5\n", 0, 5),
    "late": ("resources: {cpus: 2, infra: mock, use_spot: true}\nrun: sleep 4\n", 6, 4),
}
STARTS_IN_S = 8.0
"""What the processes of a machine, of its agent and of its tasks take, beyond what the script says."""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "cloud.yaml").write_text(CLOUD)
    entries = ["jobs:"]
    for name, (text, at_s, runs_s) in TASKS.items():
        (tmp_path / f"{name}.yaml").write_text(f"name: {name}\n{text}")
        entries.append(f"- {{file: {name}.yaml, at: {at_s}s, runs_for: {runs_s}s}}")
    (tmp_path / "workload.yaml").write_text("\n".join([*entries, ""]))
    return tmp_path


def test_what_if_tells_what_happens(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADEWIND_IDLE_GRACE_S", str(IDLE_S))
    [told] = simulate(files / "workload.yaml", files / "cloud.yaml")
    nodes = _run(files)
    assert told.jobs.succeeded == len(TASKS)
    bought = Counter((node.place.region, node.place.spot) for node in nodes)
    # North is full with the gang when the late one comes.
    assert bought == Counter({("north", False): 2, ("south", False): 1, ("south", True): 1})
    assert {(one.region, one.spot): one.machines for one in told.cost.by_place} == bought
    # Each is refused once in north-a; the late one in north-b, too.
    assert told.refusals == {"capacity": 3}
    real_usd = sum(node.cost_usd for node in nodes)
    assert (
        0 <= real_usd - told.cost.usd <= STARTS_IN_S * sum(node.place.price_usd_h for node in nodes) / 3_600
    )


def _run(files: Path) -> tuple[Node, ...]:
    """Every node that there was, once every job has ended well and every machine is gone."""
    with (
        local_stack(files / "home", TRADEWIND_MOCK=str(files / "cloud.yaml")) as stack,
        stack.client() as client,
    ):
        began, jobs = time.monotonic(), list[Job]()
        for name, (_, at_s, _) in TASKS.items():
            time.sleep(max(began + at_s - time.monotonic(), 0))
            jobs.append(client.submit(task_from_file(files / f"{name}.yaml").spec))
        assert [job.wait(timeout=120).phase for job in jobs] == ["succeeded"] * len(jobs)
        gone_by = time.monotonic() + 60
        while client.nodes():
            assert time.monotonic() < gone_by
            time.sleep(0.2)
        return tuple(client.nodes(all=True))
