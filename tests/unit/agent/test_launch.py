"""A launch comes true once, however its agent dies."""

import os
from pathlib import Path

import pytest

from tests.unit.agent.wants import fence
from tradewind.agent import launch
from tradewind.agent.node_folder import BadNodeFolder, NodeFolder
from tradewind.agent.rank_folder import Part, RankFolder
from tradewind.common.processes import started_at


@pytest.fixture
def node(tmp_path: Path) -> NodeFolder:
    folder = NodeFolder(tmp_path)
    folder.own()
    return folder


@pytest.fixture
def rank(node: NodeFolder) -> RankFolder:
    rank = node.ranks.of(fence())
    rank.make()
    return rank


def commands(rank: RankFolder, text: str) -> None:
    rank.script(Part.RUN).write_text(text)


def begin(node: NodeFolder, rank: RankFolder) -> launch.Launch:
    return launch.begin(rank, Part.RUN, shim=node.shim(), environ=dict(os.environ))


def test_what_runs_is_found_again(node: NodeFolder, rank: RankFolder) -> None:
    commands(rank, "read -r line < fifo; exit 4")
    os.mkfifo(rank.workdir / "fifo")
    begun = begin(node, rank)
    with (rank.workdir / "fifo").open("w") as fifo:  # opens when the commands have begun
        found = launch.recover(rank, Part.RUN)
        assert found is not None
        assert (found.pid, found.started) == (begun.pid, started_at(begun.pid))
        assert found.alive
        assert found.exit_code() is None
        fifo.write("go\n")
    os.waitpid(begun.pid, 0)
    assert not found.alive
    assert found.exit_code() == 4


def test_a_launch_that_has_not_come_true_never_does(node: NodeFolder, rank: RankFolder) -> None:
    commands(rank, "touch ran")
    (rank.path / "run-1.launch").touch()  # the agent was killed here
    assert launch.recover(rank, Part.RUN) is None
    # and its shim comes late
    pid = os.posix_spawn(
        "/bin/sh", ["sh", str(node.shim()), str(rank.path), "run-1", str(rank.script(Part.RUN))], os.environ
    )
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 125
    assert not (rank.workdir / "ran").exists()

    begun = begin(node, rank)
    os.waitpid(begun.pid, 0)
    assert begun.number == 2
    assert (rank.workdir / "ran").exists()


def test_a_shim_killed_before_it_wrote_its_pid_is_an_end_without_a_code(rank: RankFolder) -> None:
    (rank.path / "run-1.launch").touch()
    (rank.path / "run-1.pid").touch()
    found = launch.recover(rank, Part.RUN)
    assert found is not None
    assert not found.alive
    assert found.exit_code() is None


def test_launches_of_other_parts_are_not_mixed_up(rank: RankFolder) -> None:
    (rank.path / "setup-1.launch").touch()
    assert launch.recover(rank, Part.RUN) is None
    assert not (rank.path / "run-1.pid").exists()


def test_a_process_that_has_the_pid_by_now_is_not_the_one(rank: RankFolder) -> None:
    (rank.path / "run-1.launch").touch()
    (rank.path / "run-1.pid").write_text(f"{os.getpid()} another-boot/1\n")
    found = launch.recover(rank, Part.RUN)
    assert found is not None
    assert not found.alive


def test_ranks_are_found_by_their_folders(node: NodeFolder) -> None:
    for one in (fence(), fence(3, attempt=2, incarnation=1)):
        node.ranks.of(one).make()
    (node.ranks.path / "stray").mkdir()
    assert list(node.ranks.fences()) == [fence(), fence(3, attempt=2, incarnation=1)]


def test_a_discarded_rank_is_gone_and_a_rest_is_trash(node: NodeFolder, rank: RankFolder) -> None:
    node.ranks.discard(fence())
    assert not rank.exists()
    (node.ranks.trash / "left").mkdir()
    node.ranks.empty_trash()
    assert list(node.ranks.trash.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "why"),
    [(None, "is missing"), ("{", "Invalid JSON"), ('{"node": "n1"}', "workspace: Field required")],
)
def test_a_bad_node_file_is_told_by_name(node: NodeFolder, text: str | None, why: str) -> None:
    if text is not None:
        (node.path / "node.json").write_text(text)
    with pytest.raises(BadNodeFolder, match=why) as told:
        node.node()
    assert "node.json" in str(told.value)
