"""What a work directory may hold."""

import io
import tarfile
from pathlib import Path

import pytest

from tradewind.agent.workdir import BadTar, refuse_escapes, unpack


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, target
    return made


@pytest.mark.parametrize(
    "members",
    [
        [member("a"), member("./b/c"), member("b", tarfile.DIRTYPE), member(".", tarfile.DIRTYPE)],
        [member("a/b"), member("a/link", tarfile.SYMTYPE, "../a/b"), member("hard", tarfile.LNKTYPE, "a/b")],
        [member("a..b"), member("..a")],
    ],
)
def test_plain_things_are_let_in(members: list[tarfile.TarInfo]) -> None:
    refuse_escapes(members)


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ([member("/etc/passwd")], "outside of it"),
        ([member("../x")], "outside of it"),
        ([member("a/../../x")], "outside of it"),
        ([member("a", tarfile.SYMTYPE, "/etc")], "leads outside"),
        ([member("a", tarfile.SYMTYPE, "..")], "leads outside"),
        ([member("b/a", tarfile.SYMTYPE, "../..")], "leads outside"),
        ([member("b/a", tarfile.LNKTYPE, "../x")], "leads outside"),
        ([member("a", tarfile.SYMTYPE, "b"), member("a/x")], "behind a link"),
        ([member("a", tarfile.SYMTYPE, "."), member("a/b/x")], "behind a link"),
        ([member("a", tarfile.CHRTYPE)], "no file, folder or link"),
        ([member("a", tarfile.FIFOTYPE)], "no file, folder or link"),
    ],
)
def test_what_would_reach_outside_is_refused(members: list[tarfile.TarInfo], why: str) -> None:
    with pytest.raises(BadTar, match=why):
        refuse_escapes(members)


async def test_unpacked_with_modes_and_links(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        script = member("bin/run")
        script.size, script.mode = 2, 0o4755
        tar.addfile(script, io.BytesIO(b"hi"))
        tar.addfile(member("link", tarfile.SYMTYPE, "bin/run"))
    into = tmp_path / "workdir"
    into.mkdir()
    await unpack(tmp_path / "a.tar", into)
    assert (into / "link").read_text() == "hi"
    assert (into / "bin/run").stat().st_mode & 0o7777 == 0o755


async def test_what_is_no_tar_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(b"nothing of the kind")
    with pytest.raises(BadTar, match="cannot be unpacked"):
        await unpack(tmp_path / "a.tar", tmp_path)
