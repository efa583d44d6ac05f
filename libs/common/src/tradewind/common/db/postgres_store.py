"""`reactor.ports.Store` on Postgres: a service's schema, of which the holder of the lease is the only
writer.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from tradewind.common.contracts.base import Value
from tradewind.common.contracts.envelope import Packet
from tradewind.common.db.commit import Commit
from tradewind.common.db.engine import driver_connection
from tradewind.common.db.rows import Reader, Unreadable, Upgrade
from tradewind.common.reactor.aggregate import Aggregate, Ref
from tradewind.common.reactor.decision import Intent
from tradewind.common.reactor.ports import (
    Batch,
    Lease,
    LeaseHeld,
    LeaseLost,
    OpenIntent,
    Position,
    Sent,
    Unsent,
)

SHARD = 0
PAGE = 1000
"""Rows in one answer: reading them keeps the event loop for some 20 ms."""
PRUNED_AT_ONCE = 10_000

OUTBOX_COLUMNS = "id, subject, headers, body"


class PostgresStore:
    """Every method is one statement, so each happens wholly or not at all, whenever the connection is lost.

    `engine` should be made with `generic_plans`. `hands` tells what each hand's intents hold.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        service: str,
        kinds: Iterable[type[Aggregate]],
        hands: Mapping[str, type[Value]] | None = None,
        upgrades: Mapping[tuple[str, int], Upgrade] | None = None,
    ) -> None:
        kinds = tuple(kinds)
        self._engine = engine
        self._service = service
        self._kinds = sorted(kind.kind for kind in kinds)
        self._hands = hands or {}
        self._reader = Reader(kinds, upgrades=upgrades)
        self._commit = Commit(service, kinds)

    async def acquire(self, *, holder: str, ttl_s: float) -> Lease:
        """The same holder takes over at once, another one when the lease has run out by the database's
        clock.
        """
        epoch = await self._value(
            f"""INSERT INTO {self._service}.lease AS held (shard, epoch, holder, expires_at)
                VALUES ($1, 1, $2, clock_timestamp() + make_interval(secs => $3))
                ON CONFLICT (shard) DO UPDATE
                    SET epoch = held.epoch + 1, holder = excluded.holder,
                        expires_at = clock_timestamp() + make_interval(secs => $3)
                    WHERE held.holder = excluded.holder OR held.expires_at <= clock_timestamp()
                RETURNING epoch""",
            SHARD,
            holder,
            ttl_s,
        )
        if epoch is None:
            raise LeaseHeld(f"another leader of {self._service} is at work")
        return Lease(self._service, SHARD, epoch, holder)

    async def renew(self, lease: Lease, *, ttl_s: float) -> None:
        epoch = await self._value(
            f"""UPDATE {self._service}.lease SET expires_at = clock_timestamp() + make_interval(secs => $3)
                WHERE shard = $1 AND epoch = $2 RETURNING epoch""",
            lease.shard,
            lease.epoch,
            ttl_s,
        )
        if epoch is None:
            raise LeaseLost(f"another leader has taken {self._service}")

    async def release(self, lease: Lease) -> None:
        # The next epoch: whatever the releaser still has under way finds its lease lost.
        await self._value(
            f"""UPDATE {self._service}.lease
                SET epoch = epoch + 1, holder = '', expires_at = clock_timestamp()
                WHERE shard = $1 AND epoch = $2""",
            lease.shard,
            lease.epoch,
        )

    async def living(self) -> list[Aggregate]:
        """Raises Unreadable."""
        return [row for kind in self._kinds for row in await self._living(kind)]

    async def _living(self, kind: str) -> list[Aggregate]:
        rows: list[Aggregate] = []
        while True:
            page = await self._rows(
                f"""SELECT state, schema_v FROM {self._service}.{kind}
                    WHERE NOT terminal AND id > $1 ORDER BY id LIMIT {PAGE}""",
                rows[-1].id if rows else "",
            )
            rows += self._read(kind, page)
            if len(page) < PAGE:
                return rows

    async def load(self, refs: Iterable[Ref]) -> list[Aggregate]:
        """Raises Unreadable."""
        ids: dict[str, list[str]] = {}
        for ref in refs:
            ids.setdefault(ref.kind, []).append(ref.id)
        rows: list[Aggregate] = []
        for kind in sorted(ids):
            found = await self._rows(
                f"SELECT state, schema_v FROM {self._service}.{kind} WHERE id = ANY ($1::text[]) ORDER BY id",
                ids[kind],
            )
            rows += self._read(kind, found)
        return rows

    async def commit(self, lease: Lease, batch: Batch, *, ttl_s: float) -> list[int]:
        return await self._value(self._commit.sql, *self._commit.arguments(lease, batch, ttl_s=ttl_s))

    async def unsent(self) -> list[Unsent]:
        return _unsent(
            await self._rows(
                f"SELECT {OUTBOX_COLUMNS} FROM {self._service}.outbox WHERE sent_at IS NULL ORDER BY id"
            )
        )

    async def sent_since(self, position: Position) -> list[Sent]:
        return _sent(
            await self._rows(
                f"""SELECT {OUTBOX_COLUMNS}, stream, sequence FROM {self._service}.outbox
                    WHERE stream = $1 AND sequence >= $2 ORDER BY sequence, id""",
                position.stream,
                position.sequence,
            )
        )

    async def sent_lately(self, stream: str, *, within: timedelta) -> list[Sent]:
        """Reads the whole outbox, too."""
        return _sent(
            await self._rows(
                f"""SELECT {OUTBOX_COLUMNS}, stream, sequence FROM {self._service}.outbox
                    WHERE stream = $1 AND sent_at >= -$2::interval + (
                        SELECT max(sent_at) FROM {self._service}.outbox WHERE stream = $1)
                    ORDER BY sequence, id""",
                stream,
                within,
            )
        )

    async def last_sent(self) -> Mapping[str, int]:
        """Reads the whole outbox, which holds minutes: for a start and a reconnect, not for each batch."""
        rows = await self._rows(
            f"""SELECT stream, max(sequence) AS sequence FROM {self._service}.outbox
                WHERE sent_at IS NOT NULL GROUP BY stream"""
        )
        return {row["stream"]: row["sequence"] for row in rows}

    async def prune(self, *, sent_before: datetime) -> None:
        forgotten = PRUNED_AT_ONCE
        while forgotten == PRUNED_AT_ONCE:
            forgotten = await self._value(
                f"""WITH forgotten AS (
                        DELETE FROM {self._service}.outbox WHERE id = ANY (ARRAY(
                            SELECT id FROM {self._service}.outbox
                            WHERE sent_at < $1 ORDER BY sent_at LIMIT {PRUNED_AT_ONCE}))
                        RETURNING 1)
                    SELECT count(*) FROM forgotten""",
                sent_before,
            )

    async def open_intents(self) -> list[OpenIntent]:
        """In the order in which they were committed. Raises Unreadable."""
        rows = await self._rows(
            f"SELECT id, hand, target, payload, attempts FROM {self._service}.intent ORDER BY created_at, id"
        )
        return [OpenIntent(self._intent(row), row["attempts"]) for row in rows]

    async def begin_intent(self, intent_id: str) -> int:
        attempts = await self._value(
            f"""UPDATE {self._service}.intent SET attempts = attempts + 1, begun_at = clock_timestamp()
                WHERE id = $1 RETURNING attempts""",
            intent_id,
        )
        return attempts or 0

    def _read(self, kind: str, rows: Iterable[asyncpg.Record]) -> list[Aggregate]:
        return [self._reader.read(kind, row["state"], row["schema_v"]) for row in rows]

    def _intent(self, row: asyncpg.Record) -> Intent:
        payload = self._hands.get(row["hand"])
        if payload is None:
            raise Unreadable(
                f"the intent {row['id']} is for the hand {row['hand']!r}, which {self._service} has not"
            )
        return Intent(row["id"], row["hand"], row["target"], payload.model_validate_json(row["payload"]))

    async def _rows(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        async with driver_connection(self._engine) as connection:
            return await connection.fetch(sql, *arguments)

    async def _value(self, sql: str, *arguments: object) -> Any:
        async with driver_connection(self._engine) as connection:
            return await connection.fetchval(sql, *arguments)


def _unsent(rows: Iterable[asyncpg.Record]) -> list[Unsent]:
    return [Unsent(row["id"], _packet(row)) for row in rows]


def _sent(rows: Iterable[asyncpg.Record]) -> list[Sent]:
    return [Sent(row["id"], _packet(row), Position(row["stream"], row["sequence"])) for row in rows]


def _packet(row: asyncpg.Record) -> Packet:
    return Packet(row["subject"], json.loads(row["headers"]), row["body"])
