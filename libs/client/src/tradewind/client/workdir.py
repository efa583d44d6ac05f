"""A work directory as one tar: the same files give the same bytes, and so the same sha256.

What is left out: `.git`; what `.skyignore` names, if the folder has one at its top, else what the
`.gitignore` files name; links that lead out of the folder, and what is neither file, folder nor link
(each is told). Of a file its content, its exec bit and its time of change (whole seconds) count, because
make and Python's bytecode cache go by times. Of folders only the names count: editors and caches touch
them without changing anything.
"""

import hashlib
import os
import stat
import tarfile
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, cast

from pathspec import GitIgnoreSpec

from tradewind.client.errors import TradewindError

SKYIGNORE, GITIGNORE = ".skyignore", ".gitignore"
_IN_MEMORY = 8 * 2**20


class FolderRefused(TradewindError):
    """A folder that cannot be sent. The text says which, and why."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A tar, readable from its beginning. `left_out` are the paths that cannot be sent, with the reason."""

    file: BinaryIO
    sha256: str
    size: int
    left_out: tuple[str, ...]


@contextmanager
def pack(folder: Path) -> Generator[Packed]:
    """The tar of a folder, gone with the context.

    Raises:
        FolderRefused: there is no such folder, or a file in it cannot be read.
    """
    if not folder.is_dir():
        raise FolderRefused(f"{folder} is no folder" if folder.exists() else f"there is no folder {folder}")
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
        hashing = _Hashing(file)
        try:
            left_out = tuple(_write(folder, cast("IO[bytes]", hashing)))
        except OSError as error:
            raise FolderRefused(f"cannot read {error.filename}: {(error.strerror or '').lower()}") from error
        size = file.tell()
        file.seek(0)
        yield Packed(cast("BinaryIO", file), hashing.sha256.hexdigest(), size, left_out)


class _Hashing:
    """What a tar is written to."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()

    def write(self, content: bytes) -> int:
        self.sha256.update(content)
        return self._file.write(content)


def _write(folder: Path, out: IO[bytes]) -> Iterator[str]:
    top = folder.resolve()
    ignores = _Ignores(top)
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for path in _walk(top, ignores):
            name = path.relative_to(top).as_posix()
            found = path.lstat()
            if stat.S_ISLNK(found.st_mode) and not _stays_inside(path, top):
                yield f"{name} (a link out of the folder)"
            elif stat.S_ISREG(found.st_mode):
                with path.open("rb") as content:
                    _add(tar, _member(name, os.fstat(content.fileno())), content)
            elif stat.S_ISLNK(found.st_mode):
                tar.addfile(_member(name, found, link=os.readlink(path)))
            elif stat.S_ISDIR(found.st_mode):
                tar.addfile(_member(name, found))
            else:
                yield f"{name} (neither a file nor a folder)"


def _walk(folder: Path, ignores: "_Ignores") -> Iterator[Path]:
    """Everything below that is to be sent, each folder before what is in it, by name."""
    ignores.enter(folder)
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        path, is_folder = Path(entry.path), entry.is_dir(follow_symlinks=False)
        if entry.name == ".git" or ignores.match(path, is_folder=is_folder):
            continue
        yield path
        if is_folder:
            yield from _walk(path, ignores)


class _Ignores:
    """The rules in force, from the top downwards. The last one that names a path decides: gitignore(5)."""

    def __init__(self, top: Path) -> None:
        self._sky = (top / SKYIGNORE).is_file()
        self._rules: list[tuple[Path, GitIgnoreSpec]] = []
        if self._sky:
            self._read(top, SKYIGNORE)

    def enter(self, folder: Path) -> None:
        if not self._sky and (folder / GITIGNORE).is_file():
            self._read(folder, GITIGNORE)

    def match(self, path: Path, *, is_folder: bool) -> bool:
        for base, rules in reversed(self._rules):
            if path.is_relative_to(base):
                name = path.relative_to(base).as_posix() + ("/" if is_folder else "")
                decided = rules.check_file(name).include
                if decided is not None:
                    return decided
        return False

    def _read(self, folder: Path, name: str) -> None:
        lines = (folder / name).read_text(errors="surrogateescape").splitlines()
        self._rules.append((folder, GitIgnoreSpec.from_lines(lines)))


def _member(name: str, found: os.stat_result, *, link: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    if link:
        member.type, member.linkname, member.mode = tarfile.SYMTYPE, link, 0o777
    elif stat.S_ISDIR(found.st_mode):
        member.type, member.mode = tarfile.DIRTYPE, 0o755
    else:
        member.mode = 0o755 if found.st_mode & stat.S_IXUSR else 0o644
        member.size, member.mtime = found.st_size, int(found.st_mtime)
    return member


def _add(tar: tarfile.TarFile, member: tarfile.TarInfo, content: BinaryIO) -> None:
    try:
        tar.addfile(member, content)
    except OSError as error:  # tarfile names no file when it finds fewer bytes than were announced
        raise FolderRefused(f"{member.name} changed while it was read: try again") from error


def _stays_inside(link: Path, top: Path) -> bool:
    target = Path(os.readlink(link))
    return not target.is_absolute() and link.parent.joinpath(target).resolve().is_relative_to(top)
