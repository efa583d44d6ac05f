"""A machine of a scripted cloud is taken away with notice: the work is saved, and goes on elsewhere."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.stack import LocalStack, local_stack
from tradewind.client import Client
from tradewind.client.records import JobInfo, LogChunk
from tradewind.client.task import Overrides, Task, parse, task_from_file

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "checkpoints.md"
WITHIN_S = 120.0
CLOUD = """
clouds:
  calm:
    types:
      box: {vcpus: 2, memory_gib: 4, usd_h: 1.0, spot_usd_h: 0.3}
    regions:
      north: {zones: [north-a]}
      south: {zones: [south-a], price_factor: 1.2}
    boot: {takes: 0.1s}
    notice: 60s
"""


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[LocalStack]:
    script = tmp_path / "cloud.yaml"
    script.write_text(CLOUD)
    with local_stack(tmp_path / "home", TRADEWIND_MOCK=str(script)) as running:
        yield running


def test_the_guides_example_saves_and_goes_on_in_another_region(stack: LocalStack, tmp_path: Path) -> None:
    with stack.client() as tw:
        job = tw.submit(from_guide(tmp_path)).id
        until(lambda: "begins at step 0" in printed(tw, job), what="it trains")
        info = tw.job_info(job)
        first = where(tw, info)
        tw.mock_reclaim(info.ranks[0].node)
        until(lambda: tw.job_info(job).attempt == 2, what="it is started again")
        until(lambda: len(begun(tw, job)) == 2, what="it trains again")
        info = tw.job_info(job)
        assert begun(tw, job)[1] > 0, printed(tw, job)
        assert where(tw, info) != first, "EAGER_NEXT_REGION"
        assert info.restarts == 0, "a loss is no failure"
        assert "on_reclaim may take" in printed(tw, job)
        tw.cancel(job)


def test_one_rank_is_started_again_alone(stack: LocalStack, tmp_path: Path) -> None:
    task = parse(
        "num_nodes: 2\nresources: {infra: mock, cpus: 2, use_spot: true}\non_loss: rank\n"
        'run: |\n  echo "rank $TRADEWIND_RANK.$TRADEWIND_INCARNATION at $(echo $SKYPILOT_NODE_IPS)"\n'
        f'  echo $$ >>{tmp_path}/"$TRADEWIND_FENCE"\n'
        f"  until [ -e {tmp_path}/over ]; do sleep 0.1; done\n",
        file="pair.yaml",
    )
    with stack.client() as tw:
        job = tw.submit(task).id
        until(lambda: lines(tw, job) >= {"rank 0.0", "rank 1.0"}, what="both run")
        before = tw.job_info(job).ranks
        tw.mock_reclaim(before[1].node)
        until(lambda: "rank 1.1" in lines(tw, job), what="the lost one runs again")
        until(lambda: tw.job_info(job).phase == "running", what="all of it runs")
        info = tw.job_info(job)
        assert info.attempt == 1
        assert info.ranks[0] == before[0], "nothing happened to the other"
        assert (info.ranks[1].incarnation, info.ranks[1].node != before[1].node) == (1, True)
        addresses = " ".join(rank.address for rank in info.ranks)
        assert f"rank 1.1 at {addresses}\n" in printed(tw, job)
        (tmp_path / "over").touch()
        until(lambda: tw.job_info(job).phase == "succeeded", what="it ends")
    begun = {path.name.partition(".")[2]: len(path.read_text().split()) for path in tmp_path.glob(f"{job}.*")}
    assert begun == {"1.0.0": 1, "1.1.0": 1, "1.1.1": 1}


def from_guide(folder: Path) -> Task:
    """The files of the page, as a reader would write them; only the cloud and the bucket are others."""
    blocks = re.findall(r"^```\w+\n# (\S+)\n(.*?)^```", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    (folder / "work").mkdir()
    for name, text in blocks:
        (folder / "work" / name).write_text(text)
    overrides = Overrides(workdir=str(folder / "work"), infra="mock", envs={"KEEP": str(folder / "kept")})
    return task_from_file(folder / "work" / "train.yaml", overrides)


def printed(tw: Client, job: str) -> str:
    return "".join(piece.text for piece in tw.logs(job, follow=False) if isinstance(piece, LogChunk))


def lines(tw: Client, job: str) -> set[str]:
    return set(re.findall(r"rank \d\.\d", printed(tw, job)))


def begun(tw: Client, job: str) -> list[int]:
    return [int(step) for step in re.findall(r"begins at step (\d+)", printed(tw, job))]


def where(tw: Client, info: JobInfo) -> str:
    nodes = [node for cluster in tw.clusters(all=True) for node in cluster.nodes]
    return next(node.place.region for node in nodes if node.id == info.ranks[0].node)


def until(holds: Callable[[], object], *, what: str) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {WITHIN_S:g} s"
        time.sleep(0.2)
