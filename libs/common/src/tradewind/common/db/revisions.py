"""Which revisions of the services' schemas exist, and which a database has: from file names, without
Alembic.

A service names its package of migrations by an entry point of the group `tradewind.migrations`. In the
package's folder `versions`, a revision is one file `NNNN_what_it_does.py`; NNNN is its Alembic revision,
and follows the one before. It says `phase = "pre"` if it must be there before the code that comes with it
(tables and columns to be used), `phase = "post"` if that code must run everywhere first (what is no longer
used is dropped). There is no way back: a later revision undoes.
"""

import importlib.util
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Literal

import asyncpg

GROUP = "tradewind.migrations"
VERSIONS = "versions"
VERSION_TABLE = "schema_version"

Phase = Literal["pre", "post"]
PHASE = re.compile(r'^phase = "(pre|post)"$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Revision:
    service: str
    number: str
    file: Path

    @property
    def phase(self) -> Phase:
        said = PHASE.search(self.file.read_text(encoding="utf-8"))
        if said is None:
            raise ValueError(
                f'{self.file.name} of {self.service} says neither phase = "pre" nor phase = "post"'
            )
        return "pre" if said[1] == "pre" else "post"

    def __str__(self) -> str:
        return f"{self.service} {self.file.stem}"


def folders() -> Mapping[str, Path]:
    """By service, where the package of its migrations lies."""
    found = {point.name: _folder(point.name, point.value) for point in entry_points(group=GROUP)}
    return dict(sorted(found.items()))


def known(service: str, folder: Path) -> list[Revision]:
    """The revisions of a service, oldest first."""
    files = sorted((folder / VERSIONS).glob("[0-9][0-9][0-9][0-9]_*.py"))
    return [Revision(service, file.name[:4], file) for file in files]


async def missing(connection: asyncpg.Connection, folders: Mapping[str, Path]) -> list[Revision]:
    """The revisions that are in `folders` and not in the database, those of each service oldest first.

    A database that is ahead of us lacks nothing: the code of one release runs on the schema of the next.
    """
    there = await _applied(connection, list(folders))
    return [
        revision
        for service, folder in folders.items()
        for revision in known(service, folder)
        if revision.number > there.get(service, "")
    ]


async def _applied(connection: asyncpg.Connection, services: Sequence[str]) -> Mapping[str, str]:
    """By service, the number of the last revision that the database has."""
    # pg_class and not information_schema or pg_tables: those views take 5 ms of a new connection.
    tables = await connection.fetch(
        """SELECT relnamespace::regnamespace::text AS schema FROM pg_class
           WHERE relname = $1 AND relkind = 'r' AND relnamespace::regnamespace::text = ANY ($2::text[])""",
        VERSION_TABLE,
        services,
    )
    if not tables:
        return {}
    each = (
        f"SELECT '{row['schema']}' AS service, version_num FROM {row['schema']}.{VERSION_TABLE}"
        for row in tables
    )
    return {row["service"]: row["version_num"] for row in await connection.fetch(" UNION ALL ".join(each))}


def _folder(service: str, module: str) -> Path:
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise LookupError(
            f"the migrations of {service} should be in the package {module}, which is not there"
        )
    return Path(spec.submodule_search_locations[0])
