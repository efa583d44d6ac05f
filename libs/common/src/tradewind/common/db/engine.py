"""Connections to Postgres: a small pool an app, time limits on both sides, JSON as text."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from sqlalchemy import event, make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from tradewind.common.db.faults import translated

CONNECTIONS = 3
CONNECT_S = 5
STATEMENT_S = 15.0


def create_engine(
    url: str,
    *,
    service: str,
    statement_s: float = STATEMENT_S,
    connections: int = CONNECTIONS,
    generic_plans: bool = False,
) -> AsyncEngine:
    """An engine for one app. Connects when first used.

    Args:
        url: `postgresql://user:password@host:port/database`, with or without `+asyncpg`.
        service: shown by Postgres as the application's name.
        statement_s: how long a statement may take; the server ends it then.
        generic_plans: plan each statement once and for all, by its indexes. For a store: its statements find
            rows by id, and planning the commit anew doubles its time (0.7 to 1.5 ms).

    """
    milliseconds = str(int(statement_s * 1000))
    settings = {
        "application_name": f"tradewind.{service}",
        "statement_timeout": milliseconds,
        "idle_in_transaction_session_timeout": milliseconds,
        "jit": "off",  # every statement here is short
    }
    if generic_plans:
        # A plan made while a table was small must not scan it once it is large.
        settings |= {"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off"}
    engine = create_async_engine(
        make_url(url).set(drivername="postgresql+asyncpg"),
        pool_size=connections,
        max_overflow=0,
        pool_timeout=CONNECT_S,
        pool_use_lifo=True,  # the connection that has the statements prepared
        pool_pre_ping=False,  # a round trip each time; whoever meets a fault tries again
        json_serializer=str,  # states travel as text: pydantic does the JSON
        json_deserializer=str,
        connect_args={
            "timeout": CONNECT_S,
            "command_timeout": statement_s + CONNECT_S,  # the network may be gone, then no server answers
            "server_settings": settings,
        },
    )
    event.listen(engine.sync_engine, "checkout", _refuse_closed)
    return engine


@asynccontextmanager
async def driver_connection(engine: AsyncEngine) -> AsyncGenerator[asyncpg.Connection]:
    """A connection of the pool, without SQLAlchemy between (half the time of a short statement); each
    statement commits.

    Raises Unavailable, and whatever else `translated` makes of the errors in its block.
    """
    with translated():
        async with engine.connect() as connection:
            bare = await driver_of(connection)
            try:
                yield bare
            except asyncpg.PostgresError:
                raise  # an answer: the connection is as good as before
            except BaseException:
                # Cancelled, timed out or cut off in the middle of a statement: nobody may use it again.
                await connection.invalidate()
                raise


async def driver_of(connection: AsyncConnection) -> asyncpg.Connection:
    """The driver's connection below SQLAlchemy's."""
    bare = (await connection.get_raw_connection()).driver_connection
    assert bare is not None  # a pool of asyncpg always has one
    return bare


def _refuse_closed(connection: Any, _entry: ConnectionPoolEntry, _proxy: object) -> None:
    """A connection that the server has closed is replaced without asking the server."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError("the server closed it")
