"""Brings the schemas of all services up to date: `python -m tradewind.common.db.migrate [--phase
pre|post]`.

Run `pre`, deploy, run `post`; without a phase all is done at once, which is for installations whose
services are stopped. TRADEWIND_POSTGRES_URL names a role that owns the schemas. Any number may run at the
same time: they take turns.
"""

import argparse
import asyncio
import importlib
import os
import sys
from collections.abc import Sequence
from itertools import takewhile
from time import monotonic

import asyncpg
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tradewind.common.db.engine import CONNECT_S, create_engine, driver_connection, driver_of
from tradewind.common.db.faults import translated
from tradewind.common.db.grants import grant
from tradewind.common.db.revisions import Phase, Revision, folders, missing

LOCK = 0x7472_6164_6577_696E
"""Of pg_advisory_lock: "tradewin"."""
LONGEST_S = 3600.0
POLL_S = 0.5


class PhaseRefused(Exception):
    """What was asked for would come out of order. The text says what to do instead."""


class SchemaBehind(Exception):
    """The database lacks revisions that this release needs."""


async def pending(url: str) -> list[Revision]:
    """What a database lacks; some milliseconds, most of them for the connection. Raises Unavailable."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with translated():
        connection = await asyncpg.connect(plain, timeout=CONNECT_S, command_timeout=CONNECT_S)
        try:
            return await missing(connection, folders())
        finally:
            await connection.close(timeout=CONNECT_S)


async def migrate(url: str, *, phase: Phase | None = None) -> list[Revision]:
    """Bring every service's schema up to date, and return what was done. Once at a time in a process: Alembic
    keeps what it works on in a module.

    Raises PhaseRefused before anything is done; Unavailable; and what Alembic and Postgres raise: then the
    revisions before the failing one are done, and nothing of that one.
    """
    engine = create_engine(url, service="migrate", statement_s=LONGEST_S, connections=1)
    try:
        with translated():
            async with engine.connect() as connection:
                return await _migrate_alone(connection, phase)
    finally:
        await engine.dispose()  # closes the connection, and thus gives the lock back


async def require_current(engine: AsyncEngine, service: str, *, wait_s: float = 0.0) -> None:
    """Return once the database has every `pre` revision of `service`.

    Raises SchemaBehind after `wait_s`; Unavailable.
    """
    until = monotonic() + wait_s
    while True:
        async with driver_connection(engine) as connection:
            lacking = [
                revision
                for revision in await missing(connection, {service: folders()[service]})
                if revision.phase == "pre"
            ]
        if not lacking:
            return
        if monotonic() >= until:
            raise SchemaBehind(
                f"the database lacks {', '.join(map(str, lacking))}: "
                "run python -m tradewind.common.db.migrate"
            )
        await asyncio.sleep(POLL_S)


def chosen(lacking: Sequence[Revision], phase: Phase | None) -> list[Revision]:
    """Those of `lacking`, all of one service, that a run of `phase` makes: up to one of the other phase.

    Raises PhaseRefused where one of `phase` would be left behind one that has to come first.
    """
    if phase is None:
        return list(lacking)
    first = list(takewhile(lambda one: one.phase == phase, lacking))
    left = [one for one in lacking[len(first) :] if one.phase == phase]
    if left and phase == "pre":
        raise PhaseRefused(
            f"{left[0]} (pre) comes after {lacking[len(first)]} (post): if the release of the latter runs "
            "everywhere, run --phase post; else upgrade one release at a time, or stop all services and run "
            "without --phase"
        )
    if left and not first:
        raise PhaseRefused(f"{left[0]} (post) comes after {lacking[0]} (pre): run --phase pre, and deploy")
    return first


async def _migrate_alone(connection: AsyncConnection, phase: Phase | None) -> list[Revision]:
    await connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": LOCK})
    # Whatever waits longer for a table keeps everybody who comes after it from that table.
    await connection.execute(text("SET lock_timeout = '10s'"))
    homes = folders()
    lacking = await missing(await driver_of(connection), homes)
    await connection.commit()
    by_service = {
        service: chosen([one for one in lacking if one.service == service], phase) for service in homes
    }
    for service, revisions in by_service.items():
        if revisions:
            await connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {service}"))
            await connection.commit()
            upgrade = importlib.import_module("tradewind.common.db.upgrade").upgrade
            await connection.run_sync(
                upgrade, service=service, folder=homes[service], target=revisions[-1].number
            )
            await connection.commit()
        await grant(connection, service)
        await connection.commit()
    return [revision for revisions in by_service.values() for revision in revisions]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tradewind.common.db.migrate", description=__doc__)
    parser.add_argument(
        "--phase", choices=["pre", "post"], help="only what is to be done before or after a deployment"
    )
    phase: Phase | None = parser.parse_args(arguments).phase
    url = os.environ.get("TRADEWIND_POSTGRES_URL")
    if not url:
        sys.stderr.write(
            "TRADEWIND_POSTGRES_URL is not set; write it as postgresql://user:password@host/database\n"
        )
        return 2
    try:
        done = asyncio.run(migrate(url, phase=phase))
    except PhaseRefused as refused:
        sys.stderr.write(f"{refused}\n")
        return 2
    sys.stdout.write("".join(f"{revision}\n" for revision in done) or "nothing to do\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
