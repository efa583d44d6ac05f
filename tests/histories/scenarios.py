"""The real runs that histories are recorded of: a local stack each, used as a person would."""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.e2e.stack import LocalStack, task
from tradewind.client import Client
from tradewind.common.contracts.job import OnLoss

WITHIN_S = 90.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """A stack, and what is done to it. `happens` is its one sentence."""

    play: Callable[[LocalStack, Client], None]
    processes: bool = False
    cloud: str = ""
    """The script of a mock cloud, where there is one."""

    @property
    def name(self) -> str:
        return self.play.__name__

    @property
    def happens(self) -> str:
        return " ".join((self.play.__doc__ or "").split())


def recovery(stack: LocalStack, tw: Client) -> None:
    """A job's node is killed with all that is on it; the job is started again elsewhere and succeeds."""
    job = tw.submit(task("sleep 4"))
    until(lambda: job.info().phase == "running")
    lost = job.info().ranks[0].node
    for pid in stack.node_processes(lost):
        os.kill(pid, signal.SIGKILL)
    until(lambda: job.info().attempt == 2)
    assert job.wait(timeout=WITHIN_S).phase == "succeeded"
    _nodes_are_gone(tw)


def retries(stack: LocalStack, tw: Client) -> None:
    """A job fails, is tried again as often as it may be, and fails."""
    assert tw.submit(task("exit 3"), max_restarts=1).wait(timeout=WITHIN_S).phase == "failed"
    _nodes_are_gone(tw)


def array(stack: LocalStack, tw: Client) -> None:
    """An array of five jobs shares what nodes there are; all of them succeed."""
    submitted = tw.submit_array(task("true"), count=5)
    until(lambda: [info.phase for info in tw.jobs(workflow=submitted.id)] == ["succeeded"] * 5)
    _nodes_are_gone(tw)


def cancel(stack: LocalStack, tw: Client) -> None:
    """One job is cancelled while it runs, another while it waits for what nobody has."""
    running, waiting = tw.submit(task("sleep 600")), tw.submit(task("true", cpus="512"))
    until(lambda: running.info().phase == "running" and "no offer" in waiting.info().reason)
    running.cancel()
    waiting.cancel()
    assert [one.wait(timeout=WITHIN_S).phase for one in (running, waiting)] == ["cancelled", "cancelled"]
    _nodes_are_gone(tw)


def gang(stack: LocalStack, tw: Client) -> None:
    """Two nodes start one job together, behind its barrier."""
    job = tw.submit(task("echo rank $TRADEWIND_RANK", num_nodes=2))
    assert job.wait(timeout=WITHIN_S).phase == "succeeded"
    _nodes_are_gone(tw)


def cluster(stack: LocalStack, tw: Client) -> None:
    """A named cluster serves two jobs one after the other, and is taken down under a third."""
    for _ in range(2):
        assert tw.submit(task("true"), cluster="dev").wait(timeout=WITHIN_S).phase == "succeeded"
    running = tw.submit(task("sleep 600"), cluster="dev")
    until(lambda: running.info().phase == "running")
    tw.down("dev")
    assert running.wait(timeout=WITHIN_S).phase == "cancelled"
    _nodes_are_gone(tw)


def takeover(stack: LocalStack, tw: Client) -> None:
    """Every service is killed while a job runs; the next leaders read their rows, and it ends as it would."""
    job = tw.submit(task("sleep 6"))
    until(lambda: job.info().phase == "running")
    for service in ("jobs_controller", "scheduler", "optimizer", "provisioner"):
        os.kill(int((stack.home / "run" / f"{service}.pid").read_text().split()[0]), signal.SIGKILL)
    assert job.wait(timeout=WITHIN_S).phase == "succeeded"
    _nodes_are_gone(tw)


def reclaim(stack: LocalStack, tw: Client) -> None:
    """The first place refuses; in the next the job is told that its spot node goes; it goes on in another
    region."""
    job = tw.submit(task("sleep 5", infra="mock", use_spot=True))
    until(lambda: job.info().phase == "running")
    tw.mock_reclaim(job.info().ranks[0].node, notice_s=2.0)
    until(lambda: job.info().attempt == 2)
    assert job.wait(timeout=WITHIN_S).phase == "succeeded"
    _nodes_are_gone(tw)


def replacement(stack: LocalStack, tw: Client) -> None:
    """Of a gang whose ranks may be replaced alone one loses its node, and gets another; the other runs on."""
    gang = task("sleep 8", num_nodes=2)
    roles = tuple(role.but(on_loss=OnLoss.RANK) for role in gang.spec.roles)
    job = tw.submit(replace(gang, spec=gang.spec.but(roles=roles)))
    until(lambda: job.info().phase == "running")
    for pid in stack.node_processes(job.info().ranks[1].node):
        os.kill(pid, signal.SIGKILL)
    assert job.wait(timeout=WITHIN_S).phase == "succeeded"
    assert job.info().attempt == 1
    _nodes_are_gone(tw)


CLOUD = """
clouds:
  small:
    types:
      box: {vcpus: 4, memory_gib: 16, usd_h: 3.6, spot_usd_h: 1.2}
    regions:
      north: {zones: [north-a]}
      south: {zones: [south-a], price_factor: 1.1}
      west: {zones: [west-a], price_factor: 1.2}
    boot: {takes: 0.2s}
    refusals:
      - {zone: north-a, kind: capacity, first: 1}
"""

SCENARIOS = (
    Scenario(recovery),
    Scenario(retries),
    Scenario(array),
    Scenario(cancel),
    Scenario(gang),
    Scenario(cluster),
    Scenario(takeover, processes=True),
    Scenario(replacement),
    Scenario(reclaim, cloud=CLOUD),
)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"it did not come to that within {WITHIN_S:g} s")
        time.sleep(0.1)


def _nodes_are_gone(tw: Client) -> None:
    until(lambda: not tw.clusters())
