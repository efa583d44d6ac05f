"""What an error of the driver means to the reactor. The only place that knows SQLSTATEs.

Codes: PostgreSQL documentation, appendix A. Anything not told here (a missing table, a wrong password, no
permission) is an error of ours or of the installation: it passes unchanged, and ends the process loudly.
"""

from collections.abc import Generator
from contextlib import contextmanager

import asyncpg
from sqlalchemy import exc

from tradewind.common.reactor.ports import LeaseLost, StoreConflict, StoreRefused, Unavailable

LEASE_LOST = "TW001"
VERSION_MOVED = "TW002"

UNIQUE_VIOLATION = "23505"
FORBIDDEN_CLASSES = frozenset(
    {
        "22",  # data exception: a value that the type cannot hold
        "23",  # integrity constraint violation
        "54",  # program limit exceeded: nested too deeply, an index entry too long
    }
)
PASSING_CLASSES = frozenset(
    {
        "08",  # connection exception
        "25",  # invalid transaction state: the server has become a read-only standby
        "40",  # rolled back: deadlock, serialization
        "53",  # insufficient resources: disk full, too many connections
        "55",  # object not in prerequisite state: a lock timeout
        "57",  # operator intervention: shutdown, statement timeout, starting up
        "58",  # system error: I/O
        "XX",  # internal error
    }
)


@contextmanager
def translated() -> Generator[None]:
    """Turns what the driver raises into Unavailable, LeaseLost, StoreConflict or StoreRefused, where it is
    one of these.
    """
    try:
        yield
    except (exc.SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        if meaning := meaning_of(error):
            raise meaning from error
        raise


def meaning_of(error: BaseException) -> Exception | None:
    """The reactor's word for an error of the driver, or None if it has none."""
    if isinstance(error, exc.DBAPIError):
        # SQLAlchemy's error holds its DBAPI's error, which was raised from the driver's.
        driver_error = getattr(error.orig, "__cause__", None)
        return meaning_of(driver_error) if driver_error else None
    if isinstance(error, asyncpg.PostgresError):
        return _meaning_of_state(error)
    # The other kinds of InterfaceError say that the driver is used wrongly.
    closed = isinstance(error, asyncpg.InterfaceError) and "closed" in str(error)
    # TimeoutError is an OSError.
    if closed or isinstance(error, exc.TimeoutError | exc.DisconnectionError | OSError):
        return Unavailable(f"Postgres: {type(error).__name__}: {error}")
    return None


def _meaning_of_state(error: asyncpg.PostgresError) -> Exception | None:
    state: str = getattr(error, "sqlstate", None) or ""
    table: str = getattr(error, "table_name", None) or ""
    constraint: str = getattr(error, "constraint_name", None) or ""
    if state == LEASE_LOST:
        return LeaseLost(str(error))
    if state == VERSION_MOVED:
        return StoreConflict(str(error))
    if state == UNIQUE_VIOLATION and constraint == f"{table}_pkey":
        # The detail names the id; other details could hold a whole row.
        return StoreConflict(f"{table}: there is a row already: {getattr(error, 'detail', '')}")
    if state[:2] in FORBIDDEN_CLASSES:
        rule = f"{table}.{constraint}: " if constraint else ""
        return StoreRefused(f"{rule}{error}")
    if state[:2] in PASSING_CLASSES or isinstance(error, asyncpg.InvalidCachedStatementError):
        return Unavailable(f"Postgres: {state} {error}")
    return None
