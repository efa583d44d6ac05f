"""What a scripted cloud is written down as, and what is left of that after a crash."""

import asyncio
from pathlib import Path

import pytest

from tests.unit.provisioner.mock.scripted import NOW, after, cloud, order, place
from tradewind.provisioner.infra.mock.cloud import MockCloud
from tradewind.provisioner.infra.mock.state import CloudState
from tradewind.provisioner.infra.mock.state_file import StateDamaged, StateFile

MORE = """
notice: 30s
reclaims: [{rate: 5/h}]
faults: {failed_terminates: 1}
refusals: [{kind: quota, region: eu, first: 1}]
"""


def begun(path: Path) -> MockCloud:
    script = cloud(MORE).script
    return MockCloud("mock", script, seed=0, state=StateFile(path).load(script, NOW))


def save(file: StateFile, mock: MockCloud) -> None:
    asyncio.run(file.save(mock.state))


def busy(mock: MockCloud) -> None:
    mock.launch(order(place(mock, spot=True), "a", "b"), "t", NOW)
    mock.launch(order(place(mock, "eu-a"), "c"), "t2", NOW)
    mock.advance(after(20))
    mock.fail("us-b", after(21), after(99))


def read(path: Path) -> CloudState:
    return StateFile(path).load(cloud(MORE).script, NOW)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mock" / "mock.jsonl"


def test_it_is_read_as_it_was_written_whenever_that_was(path: Path) -> None:
    mock, file = begun(path), StateFile(path)
    save(file, mock)
    assert read(path) == mock.state
    busy(mock)
    save(file, mock)
    assert read(path) == mock.state
    mock.reclaim("a", after(30), 0)
    mock.advance(after(30))
    save(file, mock)
    assert read(path) == mock.state


def test_a_change_writes_what_changed_and_a_beginning_writes_it_anew(path: Path) -> None:
    mock, file = begun(path), StateFile(path)
    busy(mock)
    save(file, mock)
    lines = len(path.read_text().splitlines())
    mock.reclaim("a", after(30), 0)
    for _ in range(3):
        save(file, mock)
    assert len(path.read_text().splitlines()) == lines + 3 + 1
    save(StateFile(path), mock)
    assert len(path.read_text().splitlines()) == lines


def test_a_line_that_was_not_finished_never_was(path: Path) -> None:
    mock, file = begun(path), StateFile(path)
    busy(mock)
    save(file, mock)
    before = read(path)
    mock.launch(order(place(mock), "late"), "t3", after(31))
    save(file, mock)
    whole = path.read_bytes()
    last = whole.rstrip(b"\n").rfind(b"\n") + 1
    for cut in range(last, len(whole)):
        path.write_bytes(whole[:cut])
        assert read(path).machines.keys() >= before.machines.keys()


def test_after_a_failed_write_the_whole_is_written_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mock, file = begun(path), StateFile(path)
    save(file, mock)
    busy(mock)

    def half(self: StateFile, text: str) -> None:
        with path.open("a") as out:
            out.write(text[: len(text) // 2])
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(StateFile, "_append", half)
        with pytest.raises(OSError, match="no space"):
            save(file, mock)
    save(file, mock)
    assert read(path) == mock.state


def test_another_script_keeps_the_ledger_and_begins_its_own_time(path: Path) -> None:
    mock, file = begun(path), StateFile(path)
    busy(mock)
    save(file, mock)
    other = StateFile(path).load(cloud("notice: 1s").script, after(500))
    assert (other.began_at, other.advanced_to, other.downs, other.tried) == (after(500), None, [], {})
    assert other.machines == mock.state.machines
    assert other.outcomes == mock.state.outcomes


@pytest.mark.parametrize(
    "content",
    ["{\n", "[]\n", '{"of": "nothing", "key": 1, "value": 2}\n', "\xff\n"],
)
def test_what_is_no_such_file_is_refused(path: Path, content: str) -> None:
    path.parent.mkdir()
    path.write_text(content)
    with pytest.raises(StateDamaged, match="remove it to begin anew, without its ledger"):
        read(path)
