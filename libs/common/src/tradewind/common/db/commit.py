"""One batch as one SQL statement: its own transaction, one round trip.

Measured on two cores with fsync on, a batch of one row and one message: 0.75 ms; as six statements between
BEGIN and COMMIT 1.7 ms, the same through SQLAlchemy 3.1 ms (the floor, one UPDATE alone: 0.35 ms). A
statement is also never left half done by a client that dies, so no transaction stays open and no connection
needs a ROLLBACK.

The parts of a WITH run in no order of their own (PostgreSQL documentation, 7.8.4), and none sees what
another wrote. So each names the part that it must come after: `fence`, then the updates, then `asserted`,
which raises an error unless all of them hit, then everything else. Updates come before inserts because a
row may give up a unique name that another takes. Parts for which the batch has nothing get empty arrays:
the statement is always the same, and planned once.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from json import dumps

from tradewind.common.db.faults import LEASE_LOST, VERSION_MOVED
from tradewind.common.db.rows import COLUMNS, columns_of
from tradewind.common.reactor.aggregate import Aggregate
from tradewind.common.reactor.ports import Batch, Lease


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the WITH: `sql` has a `{}` for each of its parameters, `values` gives these."""

    name: str
    sql: str
    types: Sequence[str]
    values: Callable[[Lease, float, Batch], Sequence[object]]


class Commit:
    """The statement of one service."""

    def __init__(self, service: str, kinds: Iterable[type[Aggregate]]) -> None:
        names = sorted(kind.kind for kind in kinds)
        self._kinds = frozenset(names)
        self._parts = (
            _fence(service),
            *(_updated(service, kind) for kind in names),
            _asserted(service, names),
            *(_created(service, kind) for kind in names),
            _closed(service),
            _opened(service),
            _noted(service),
            _said(service),
        )
        self.sql = _statement(self._parts)
        """Returns one row of one column: the ids of the new outbox rows, in their order."""

    def arguments(self, lease: Lease, batch: Batch, *, ttl_s: float) -> list[object]:
        # No part would take up a row of another kind, and it would be lost without a word.
        if strays := {row.kind for row in (*batch.created, *(row for row, _ in batch.updated))} - self._kinds:
            raise TypeError(f"{lease.service} has no rows of kind {', '.join(sorted(strays))}")
        return [value for part in self._parts for value in part.values(lease, ttl_s, batch)]


def _statement(parts: Iterable[Part]) -> str:
    written: list[str] = []
    count = 0
    for part in parts:
        numbered = [f"${number}::{kind}" for number, kind in enumerate(part.types, count + 1)]
        count += len(part.types)
        written.append(f"{part.name} AS MATERIALIZED ({part.sql.format(*numbered)})")
    # Ids are given in the order of the rows; RETURNING promises none, so they are sorted.
    return f"WITH {', '.join(written)} SELECT ARRAY(SELECT id FROM said ORDER BY id) FROM asserted"


def _fence(schema: str) -> Part:
    """Asserts the epoch, and keeps the row locked until the commit: no other leader comes in between."""
    return Part(
        "fence",
        f"UPDATE {schema}.lease SET expires_at = clock_timestamp() + make_interval(secs => {{}})"
        " WHERE shard = {} AND epoch = {} RETURNING epoch",
        ("float8", "integer", "bigint"),
        lambda lease, ttl_s, _: (ttl_s, lease.shard, lease.epoch),
    )


def _updated(schema: str, kind: str) -> Part:
    changes = ", ".join(f"{name} = {_stored(name)}" for name in COLUMNS if name != "id")

    def values(_lease: Lease, _ttl_s: float, batch: Batch) -> Sequence[object]:
        rows = sorted(
            ((row, loaded) for row, loaded in batch.updated if row.kind == kind), key=lambda it: it[0].id
        )
        return (*columns_of(row for row, _ in rows), [loaded for _, loaded in rows])

    return Part(
        f"updated_{kind}",
        f"UPDATE {schema}.{kind} AS old SET {changes}"
        f" FROM fence, unnest({_slots(len(COLUMNS) + 1)}) AS new ({', '.join(COLUMNS)}, loaded)"
        " WHERE old.id = new.id AND old.version = new.loaded RETURNING 1",
        _arrays((*COLUMNS.values(), "bigint")),
        values,
    )


def _asserted(schema: str, kinds: Sequence[str]) -> Part:
    hits = " + ".join(f"(SELECT count(*) FROM updated_{kind})" for kind in kinds) or "0"
    return Part(
        "asserted",
        "SELECT CASE WHEN NOT EXISTS (SELECT FROM fence)"
        f" THEN {schema}.abort('{LEASE_LOST}', 'another leader has taken the shard')"
        f" WHEN {hits} <> {{}}"
        f" THEN {schema}.abort('{VERSION_MOVED}', 'a row is not at the version that it was loaded at') END",
        ("bigint",),
        lambda _, __, batch: (len(batch.updated),),
    )


def _created(schema: str, kind: str) -> Part:
    def values(_lease: Lease, _ttl_s: float, batch: Batch) -> Sequence[object]:
        return columns_of(sorted((row for row in batch.created if row.kind == kind), key=lambda row: row.id))

    return Part(
        f"created_{kind}",
        f"INSERT INTO {schema}.{kind} ({', '.join(COLUMNS)})"
        f" SELECT {', '.join(map(_stored, COLUMNS))}"
        f" FROM asserted, unnest({_slots(len(COLUMNS))}) AS new ({', '.join(COLUMNS)})",
        _arrays(COLUMNS.values()),
        values,
    )


def _closed(schema: str) -> Part:
    return Part(
        "closed",
        f"DELETE FROM {schema}.intent USING asserted WHERE id = ANY ({{}}) RETURNING 1",
        ("text[]",),
        lambda _, __, batch: (batch.closed_intents,),
    )


def _opened(schema: str) -> Part:
    """An intent that is open already is the same wish: its id follows from its cause."""

    def values(_lease: Lease, _ttl_s: float, batch: Batch) -> Sequence[object]:
        intents = batch.intents
        return (
            [intent.id for intent in intents],
            [intent.hand for intent in intents],
            [intent.target for intent in intents],
            [intent.payload.model_dump_json() for intent in intents],
        )

    return Part(
        "opened",
        f"INSERT INTO {schema}.intent (id, hand, target, payload)"
        " SELECT new.id, new.hand, new.target, new.payload::jsonb"
        " FROM asserted, (SELECT count(*) FROM closed) AS after_closing,"
        f" unnest({_slots(4)}) AS new (id, hand, target, payload)"
        " ON CONFLICT (id) DO NOTHING",
        _arrays(["text"] * 4),
        values,
    )


def _noted(schema: str) -> Part:
    def values(_lease: Lease, _ttl_s: float, batch: Batch) -> Sequence[object]:
        return (
            [outbox_id for outbox_id, _ in batch.sent],
            [position.stream for _, position in batch.sent],
            [position.sequence for _, position in batch.sent],
        )

    return Part(
        "noted",
        f"UPDATE {schema}.outbox AS sent"
        " SET stream = new.stream, sequence = new.sequence, sent_at = clock_timestamp()"
        f" FROM asserted, unnest({_slots(3)}) AS new (id, stream, sequence) WHERE sent.id = new.id",
        _arrays(["bigint", "text", "bigint"]),
        values,
    )


def _said(schema: str) -> Part:
    def values(_lease: Lease, _ttl_s: float, batch: Batch) -> Sequence[object]:
        packets = batch.outbox
        return (
            [packet.subject for packet in packets],
            [dumps(dict(packet.headers)) for packet in packets],
            [packet.body for packet in packets],
        )

    return Part(
        "said",
        f"INSERT INTO {schema}.outbox (subject, headers, body)"
        " SELECT new.subject, new.headers::jsonb, new.body"
        f" FROM asserted, unnest({_slots(3)}) WITH ORDINALITY AS new (subject, headers, body, place)"
        " ORDER BY new.place RETURNING id",
        _arrays(["text", "text", "bytea"]),
        values,
    )


def _stored(column: str) -> str:
    return "new.state::jsonb" if column == "state" else f"new.{column}"


def _slots(count: int) -> str:
    return ", ".join(["{}"] * count)


def _arrays(types: Iterable[str]) -> list[str]:
    return [f"{one}[]" for one in types]
