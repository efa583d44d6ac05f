"""Unpacking a work directory: a tar of unknown origin, which may write below its folder and nowhere else."""

import asyncio
import posixpath
import tarfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


class BadTar(ValueError):
    """It cannot be unpacked. The text says why, in one sentence."""


async def unpack(blob: Path, into: Path) -> None:
    """Raises BadTar. When cancelled, it returns only after the writing has stopped."""
    writing = asyncio.ensure_future(asyncio.to_thread(_unpack, blob, into))
    try:
        await asyncio.shield(writing)
    except asyncio.CancelledError:
        while not writing.done():
            with suppress(asyncio.CancelledError):  # it may be repeated
                await asyncio.wait([writing])
        raise


def _unpack(blob: Path, into: Path) -> None:
    try:
        with tarfile.open(blob) as tar:
            members = tar.getmembers()
            refuse_escapes(members)
            # PEP 706: where this Python has the filter, it also takes away owners and dangerous modes.
            tar.extraction_filter = getattr(tarfile, "data_filter", _plain)
            tar.extractall(into, members)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise BadTar(f"the work directory cannot be unpacked: {error}") from error


def refuse_escapes(members: Iterable[tarfile.TarInfo]) -> None:
    """Plain files, folders and links below the folder. Nothing may be written through a link.

    Raises:
        BadTar: a member is something else, or its name or target leads outside.
    """
    links: set[str] = set()
    for member in members:
        name = posixpath.normpath(member.name)
        if _leads_outside(name):
            raise BadTar(f"the work directory holds {member.name!r}, which lies outside of it")
        if not (member.isreg() or member.isdir() or member.issym() or member.islnk()):
            raise BadTar(f"the work directory holds {member.name!r}, which is no file, folder or link")
        if any(parent in links for parent in _parents(name)):
            raise BadTar(f"the work directory holds {member.name!r}, which lies behind a link")
        if member.issym() or member.islnk():
            base = posixpath.dirname(name) if member.issym() else ""
            if _leads_outside(posixpath.normpath(posixpath.join(base, member.linkname))):
                raise BadTar(f"the work directory holds the link {member.name!r}, which leads outside of it")
        if member.issym():
            links.add(name)


def _leads_outside(path: str) -> bool:
    return path == ".." or path.startswith(("/", "../"))


def _parents(name: str) -> Iterable[str]:
    while name := posixpath.dirname(name):
        yield name


def _plain(member: tarfile.TarInfo, path: str, /) -> tarfile.TarInfo:
    member.mode = member.mode & 0o755 | 0o600
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member
