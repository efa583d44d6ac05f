"""The tar of a work directory: what is in it, what is not, and that the same files give the same bytes."""

import io
import os
import shutil
import tarfile
from pathlib import Path

import pytest

from tradewind.client.workdir import FolderRefused, pack


def fill(folder: Path, **files: str) -> None:
    for name, content in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def packed(folder: Path) -> tuple[str, dict[str, tarfile.TarInfo], tuple[str, ...]]:
    """(sha256, members, what was left out)"""
    with pack(folder) as one:
        content = one.file.read()
        assert len(content) == one.size
        with tarfile.open(fileobj=io.BytesIO(content)) as tar:
            return one.sha256, {member.name: member for member in tar.getmembers()}, one.left_out


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "work"
    fill(path, b="two", a="one", sub__c="three")
    return path


def test_it_unpacks_to_the_same_files(folder: Path, tmp_path: Path):
    (folder / "run").write_text("#!/bin/sh\n")
    (folder / "run").chmod(0o700)
    (folder / "link").symlink_to("sub/c")
    (folder / "empty").mkdir()
    out = tmp_path / "out"
    with pack(folder) as one, tarfile.open(fileobj=one.file) as tar:
        tar.extractall(out, filter="data")
    assert sorted(str(path.relative_to(out)) for path in out.rglob("*")) == [
        "a", "b", "empty", "link", "run", "sub", "sub/c",
    ]  # fmt: skip
    assert (out / "link").read_text() == "three"
    assert (out / "run").stat().st_mode & 0o777 == 0o755
    assert (out / "a").stat().st_mode & 0o777 == 0o644
    assert (out / "a").stat().st_mtime == int((folder / "a").stat().st_mtime)


def test_the_same_files_give_the_same_bytes(folder: Path, tmp_path: Path):
    first = packed(folder)[0]
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / "scratch").touch()
    (copy / "scratch").unlink()  # the folder itself has changed, but not what is in it
    (copy / "a").chmod(0o600)
    assert packed(copy)[0] == packed(folder)[0] == first


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "a").write_text("uno"),
        lambda folder: (folder / "a").rename(folder / "z"),
        lambda folder: (folder / "a").chmod(0o755),
        lambda folder: (folder / "new").mkdir(),
        lambda folder: os.utime(folder / "a", (1, 1)),
    ],
    ids=["content", "name", "exec bit", "folder", "time"],
)
def test_what_changes_it(folder: Path, change: object):
    before = packed(folder)[0]
    assert callable(change)
    change(folder)
    assert packed(folder)[0] != before


def test_what_gitignore_names_stays_out(folder: Path):
    fill(folder, data__x="", data__keep="", sub__data__x="", sub__log__a="", logs="", log="")
    (folder / ".git").mkdir()
    (folder / ".gitignore").write_text("/data/*\n!/data/keep\n*.pyc\n# c\n\nlog\n")
    fill(folder, **{"m.pyc": "", "sub__m.pyc": "", "sub__n.txt": ""})
    (folder / "sub/.gitignore").write_text("n.txt\n!m.pyc\n")
    members = packed(folder)[1]
    assert sorted(members) == sorted([
        ".gitignore", "a", "b", "data", "data/keep", "logs", "sub", "sub/.gitignore", "sub/c", "sub/data",
        "sub/data/x", "sub/m.pyc",
    ])  # fmt: skip


def test_skyignore_goes_before_gitignore(folder: Path):
    (folder / ".skyignore").write_text("a\n/sub\n")
    (folder / ".gitignore").write_text("b\n")
    assert sorted(packed(folder)[1]) == [".gitignore", ".skyignore", "b"]


def test_what_cannot_be_sent_is_told(folder: Path, tmp_path: Path):
    (tmp_path / "secret").write_text("x")
    (folder / "out").symlink_to("../secret")
    (folder / "absolute").symlink_to(folder / "a")
    (folder / "dangling").symlink_to("nothing")
    os.mkfifo(folder / "pipe")
    _, members, left_out = packed(folder)
    assert left_out == (
        "absolute (a link out of the folder)",
        "out (a link out of the folder)",
        "pipe (neither a file nor a folder)",
    )
    assert {"dangling", "a"} <= members.keys()


def test_a_link_to_the_folder_is_a_link(folder: Path, tmp_path: Path):
    (tmp_path / "alias").symlink_to(folder)
    assert packed(tmp_path / "alias")[0] == packed(folder)[0]


def test_a_name_that_is_no_utf8(folder: Path):
    (Path(os.fsdecode(os.fsencode(folder) + b"/\xff"))).write_text("x")
    assert packed(folder)[0] == packed(folder)[0]


@pytest.mark.parametrize(("name", "said"), [("nowhere", "there is no folder"), ("work/a", "is no folder")])
def test_what_is_no_folder(folder: Path, name: str, said: str):
    with pytest.raises(FolderRefused, match=said), pack(folder.parent / name):
        pass


def test_a_file_that_shrinks_while_it_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch):
    real = os.fstat

    def larger(descriptor: int) -> os.stat_result:
        found = real(descriptor)
        return os.stat_result((*found[:6], found.st_size + 10, *found[7:]))

    monkeypatch.setattr("tradewind.client.workdir.os.fstat", larger)
    with pytest.raises(FolderRefused, match=r"a changed while it was read"), pack(folder):
        pass
