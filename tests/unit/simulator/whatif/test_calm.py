"""What a what-if leaves out (heartbeats, alarms that only ask again) changes nothing of what it tells."""

from dataclasses import replace
from functools import partial

import pytest

from tests.unit.simulator.whatif.given import report
from tradewind.provisioner.domain import infra, node
from tradewind.provisioner.infra.mock.reading import read_script
from tradewind.simulator.whatif import calm, hosts, planet
from tradewind.simulator.whatif.workload_file import workload_from_file

# Nothing in it is left to chance: that would be drawn by the ids of machines, which depend on every message.
INFRA = """
clouds:
  one:
    boot: {takes: 40s}
    notice: 30s
    types:
      small: {vcpus: 4, memory_gib: 16, usd_h: 1.0, spot_usd_h: 0.3}
      gpu: {vcpus: 8, memory_gib: 32, accelerators: L4, usd_h: 3.0, spot_usd_h: 1.0}
    regions:
      east: {zones: [east-a, east-b]}
      west: {zones: [west-a], price_factor: 1.3}
    capacity:
      - {region: east, spot: true, steps: [{at: 0s, nodes: 3}, {at: 50m, nodes: 0}, {at: 2h, nodes: 4}]}
    refusals: [{zone: east-a, kind: capacity, first: 2}]
    reclaims: [{at: 35m, region: east}, {at: 100m, zone: west-a, nodes: 1}]
"""
WORKLOAD = """
jobs:
- {task: {run: x, resources: {cpus: 4, use_spot: true}}, count: 4, every: 5m, runs_for: 90m,
   checkpoint_every: 8m}
- {task: {run: x, num_nodes: 2, resources: {accelerators: L4, use_spot: true}}, at: 20m, runs_for: 40m}
- {task: {run: x, resources: {cpus: 2}}, rate: 6/h, count: 6, runs_for: {mean: 20m, p95: 50m}, fails: 30%,
   max_restarts: 2}
"""


def as_in_production(names, *, changed, offers=()):
    """The same wirings, with every alarm as it is written."""
    return tuple(
        replace(one, alarms={kind: _as_written(wake) for kind, wake in one.alarms.items()})
        for one in calm.wirings(names, changed=changed, offers=offers)
    )


def _as_written(wake):
    while isinstance(wake, partial) and "as_written" in wake.keywords:
        wake = wake.keywords["as_written"]
    if wake is calm._wake_node:
        return node.wake
    return infra.wake if isinstance(wake, partial) and wake.func is calm._wake_infra else wake


def test_it_tells_the_same_as_with_all_heartbeats_and_alarms(tmp_path, monkeypatch: pytest.MonkeyPatch):
    told = report(tmp_path, WORKLOAD, INFRA)
    monkeypatch.setattr(planet, "wirings", as_in_production)
    monkeypatch.setattr(hosts, "SILENT_S", 4.0)
    whole = report(tmp_path, WORKLOAD, INFRA)
    assert told.reclaims.machines > 0
    assert told.reclaims == replace(whole.reclaims, lost_work_s=told.reclaims.lost_work_s)
    assert [(one.phase, one.attempts, one.places) for one in told.job_list] == [
        (one.phase, one.attempts, one.places) for one in whole.job_list
    ]
    assert (told.machines, told.refusals) == (whole.machines, whole.refusals)
    assert told.makespan_s == pytest.approx(whole.makespan_s, abs=5.0)
    assert told.cost.usd == pytest.approx(whole.cost.usd, rel=0.002)


def test_the_books_of_the_services_are_those_of_the_clouds(tmp_path):
    (tmp_path / "workload.yaml").write_text(WORKLOAD)
    (tmp_path / "infra.yaml").write_text(INFRA)
    submissions = workload_from_file(tmp_path / "workload.yaml").draw(3)
    lived = planet.live(submissions, read_script(tmp_path / "infra.yaml"))
    owed = {machine.node: machine.cost_usd(machine.launched_at) for machine in lived.infras.ledger()}
    assert {node: row.cost_usd for node, row in lived.seen.nodes.items()} == owed
    assert lived.ended is planet.Ending.COMPLETE
