"""What every `reactor.ports.Store` must do, as plain async functions: real Postgres and the simulator's
store run them all.

`pytest.mark.parametrize("rule", RULES)` and call `await rule(world)`, with a new world for each.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Protocol

import pytest

from tradewind.common.contracts.base import Value
from tradewind.common.contracts.envelope import Packet
from tradewind.common.reactor.aggregate import Aggregate, Ref
from tradewind.common.reactor.decision import Intent
from tradewind.common.reactor.ports import (
    Batch,
    Lease,
    LeaseHeld,
    LeaseLost,
    Position,
    Sent,
    Store,
    StoreConflict,
    StoreRefused,
)

TTL_S = 30.0
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class LampPhase(StrEnum):
    ON = "on"
    BROKEN = "broken"


class Lamp(Aggregate):
    """A kind of row that knows most sorts of JSON."""

    kind: ClassVar[str] = "lamp"

    phase: LampPhase = LampPhase.ON
    colour: str = "white"
    watts: float = 0.1 + 0.2
    hours: tuple[int, ...] = (2**53 + 1, -1)

    @property
    def phase_name(self) -> str:
        return self.phase.value

    @property
    def terminal(self) -> bool:
        return self.phase is LampPhase.BROKEN


class Shelf(Lamp):
    """A second kind."""

    kind: ClassVar[str] = "shelf"


class Turn(Value):
    """What the hand `turn` is told."""

    degrees: int


KINDS = (Lamp, Shelf)
HANDS = {"turn": Turn}
SERVICE = "contract"


class World(Protocol):
    """The data of one service of KINDS and HANDS, empty at first."""

    def store(self) -> Store:
        """A store as another process would have it, on the same data."""
        ...

    async def elapse(self, seconds: float) -> None:
        """Let leases come nearer to their end, and what was sent grow older."""
        ...


Rule = Callable[[World], Awaitable[None]]
RULES: list[Rule] = []


def rule(check: Rule) -> Rule:
    RULES.append(check)
    return check


def lamp(lamp_id: str, **fields: object) -> Lamp:
    return Lamp.model_validate({"id": lamp_id, "workspace": "home", "version": 1, "wake_at": NOW, **fields})


def packet(subject: str = "evt.home.lamp.lit", **headers: str) -> Packet:
    return Packet(subject, {"ce-id": "1", **headers}, b'{"a":"\x00\xff"}')


def turn(intent_id: str, *, degrees: int = 90) -> Intent:
    return Intent(intent_id, "turn", "lamp-1", Turn(degrees=degrees))


async def leading(store: Store, *, holder: str = "first") -> Lease:
    return await store.acquire(holder=holder, ttl_s=TTL_S)


async def commit(store: Store, lease: Lease, batch: Batch) -> list[int]:
    return await store.commit(lease, batch, ttl_s=TTL_S)


# ---- the lease


@rule
async def the_first_leader_gets_an_epoch(world: World) -> None:
    lease = await leading(world.store())
    assert (lease.service, lease.shard, lease.holder) == (SERVICE, 0, "first")
    assert lease.epoch >= 1


@rule
async def a_restarted_leader_takes_over_at_once(world: World) -> None:
    old, new = world.store(), world.store()
    before = await leading(old)
    after = await leading(new)
    assert after.epoch == before.epoch + 1
    with pytest.raises(LeaseLost):
        await commit(old, before, Batch(created=[lamp("a")]))
    assert await commit(new, after, Batch(created=[lamp("b")])) == []
    assert [row.id for row in await new.living()] == ["b"]


@rule
async def another_leader_waits_until_the_lease_has_run_out(world: World) -> None:
    first, second = world.store(), world.store()
    lease = await leading(first)
    with pytest.raises(LeaseHeld):
        await leading(second, holder="second")
    await world.elapse(TTL_S - 5)
    await first.renew(lease, ttl_s=TTL_S)
    await world.elapse(TTL_S - 5)
    with pytest.raises(LeaseHeld):
        await leading(second, holder="second")
    await world.elapse(6)
    assert (await leading(second, holder="second")).epoch == lease.epoch + 1
    with pytest.raises(LeaseLost):
        await first.renew(lease, ttl_s=TTL_S)


@rule
async def a_commit_renews_the_lease(world: World) -> None:
    first, second = world.store(), world.store()
    lease = await leading(first)
    await world.elapse(TTL_S - 5)
    await commit(first, lease, Batch())
    await world.elapse(TTL_S - 5)
    with pytest.raises(LeaseHeld):
        await leading(second, holder="second")


@rule
async def a_lease_that_ran_out_but_was_not_taken_is_still_ours(world: World) -> None:
    store = world.store()
    lease = await leading(store)
    await world.elapse(10 * TTL_S)
    await commit(store, lease, Batch(created=[lamp("a")]))
    assert len(await store.living()) == 1


@rule
async def a_released_lease_is_free_and_its_old_holder_is_out(world: World) -> None:
    first, second = world.store(), world.store()
    lease = await leading(first)
    await first.release(lease)
    with pytest.raises(LeaseLost):
        await commit(first, lease, Batch(created=[lamp("a")]))
    assert (await leading(second, holder="second")).epoch > lease.epoch
    await first.release(lease)
    with pytest.raises(LeaseHeld):
        await leading(first)


@rule
async def the_lease_comes_before_every_other_complaint(world: World) -> None:
    old, new = world.store(), world.store()
    before = await leading(old)
    after = await leading(new)
    await commit(new, after, Batch(created=[lamp("a")]))
    with pytest.raises(LeaseLost):
        await commit(old, before, Batch(created=[lamp("a")], updated=[(lamp("nobody"), 7)]))


# ---- rows


@rule
async def a_row_comes_back_as_it_went(world: World) -> None:
    store = world.store()
    lease = await leading(store)
    row = lamp(
        "a",
        colour='café "\U0001f4a1"\n',
        seen={"node-1": 3},
        wake_at=NOW + timedelta(microseconds=1),
        trace="00-ab",
    )
    shelf = Shelf(id="a", workspace="other", version=4, wake_at=NOW)
    await commit(store, lease, Batch(created=[row, shelf]))
    assert await store.living() == [row, shelf]
    assert await store.load([Ref("shelf", "a")]) == [shelf]
    assert await world.store().load([row.ref, shelf.ref]) == [row, shelf]


@rule
async def only_living_rows_are_living_and_all_can_be_loaded(world: World) -> None:
    store = world.store()
    lease = await leading(store)
    lit, broken = lamp("lit"), lamp("broken", phase=LampPhase.BROKEN, wake_at=None)
    await commit(store, lease, Batch(created=[lit, broken]))
    assert await store.living() == [lit]
    found = await store.load([broken.ref, lit.ref, Ref("lamp", "nobody"), Ref("shelf", "lit")])
    assert sorted(row.id for row in found) == ["broken", "lit"]
    assert await store.load([]) == []


@rule
async def an_update_must_know_the_version_that_is_there(world: World) -> None:
    store = world.store()
    lease = await leading(store)
    row = lamp("a")
    await commit(store, lease, Batch(created=[row]))
    red = row.evolve(colour="red")
    await commit(store, lease, Batch(updated=[(red, row.version)]))
    for wrong in (row.version, red.version + 1):
        with pytest.raises(StoreConflict):
            await commit(store, lease, Batch(updated=[(red.evolve(colour="blue"), wrong)]))
    with pytest.raises(StoreConflict):
        await commit(store, lease, Batch(updated=[(lamp("nobody", version=2), 1)]))
    assert await store.living() == [red]


@rule
async def a_row_is_created_once(world: World) -> None:
    store = world.store()
    lease = await leading(store)
    await commit(store, lease, Batch(created=[lamp("a")]))
    with pytest.raises(StoreConflict):
        await commit(store, lease, Batch(created=[lamp("a", colour="red"), lamp("b")]))
    assert await store.living() == [lamp("a")]


@rule
async def a_living_row_must_wake(world: World) -> None:
    store = world.store()
    lease = await leading(store)
    with pytest.raises(StoreRefused):
        await commit(store, lease, Batch(created=[lamp("a", wake_at=None)]))
    row = lamp("b")
    await commit(store, lease, Batch(created=[row]))
    with pytest.raises(StoreRefused):
        await commit(store, lease, Batch(updated=[(row.evolve(wake_at=None), row.version)]))


@rule
async def a_value_that_cannot_be_held_is_refused(world: World) -> None:
    store = world.store()
    lease = await leading(store)
    with pytest.raises(StoreRefused):
        await commit(store, lease, Batch(created=[lamp("a", colour="nul \x00")]))
    assert await store.living() == []
    await commit(store, lease, Batch(created=[lamp("a")]))


@rule
async def thousands_of_rows_are_read_whole(world: World) -> None:
    store = world.store()
    lease = await leading(store)
    rows: list[Aggregate] = [lamp(f"lamp-{number:05d}") for number in range(2500)]
    await commit(store, lease, Batch(created=rows))
    assert await store.living() == rows
    assert await store.load([row.ref for row in rows[::2]]) == rows[::2]


# ---- all or nothing

UNDOERS: list[tuple[type[Exception], Callable[[Lamp], Batch]]] = [
    (StoreConflict, lambda old: Batch(updated=[(old.evolve(), 99)])),
    (StoreConflict, lambda old: Batch(created=[old])),
    (StoreRefused, lambda _: Batch(created=[lamp("sleeper", wake_at=None)])),
]


@rule
async def a_batch_is_all_or_nothing(world: World) -> None:
    store = world.store()
    lease = await leading(store)
    old, other = lamp("old"), lamp("other")
    ids = await commit(
        store, lease, Batch(created=[old, other], outbox=[packet("one")], intents=[turn("open")])
    )
    for error, undoer in UNDOERS:
        bad = undoer(old)
        bad.created.append(lamp("new"))
        bad.updated.append((other.evolve(colour="red"), other.version))
        bad.outbox.append(packet("two"))
        bad.intents.append(turn("second"))
        bad.closed_intents.append("open")
        bad.sent.append((ids[0], Position("EVENTS", 1)))
        with pytest.raises(error):
            await commit(store, lease, bad)
        assert await store.living() == [old, other]
        assert [unsent.packet.subject for unsent in await store.unsent()] == ["one"]
        assert [it.intent.id for it in await store.open_intents()] == ["open"]
        assert await store.last_sent() == {}
    await store.renew(lease, ttl_s=TTL_S)


# ---- outbox


@rule
async def the_outbox_keeps_its_order(world: World) -> None:
    store = world.store()
    lease = await leading(store)
    ids: list[int] = []
    for batch in range(3):
        ids += await commit(
            store, lease, Batch(outbox=[packet(f"s.{batch}.{n}", n=str(n)) for n in range(40)])
        )
    assert ids == sorted(set(ids))
    unsent = await world.store().unsent()
    assert [row.id for row in unsent] == ids
    assert [row.packet for row in unsent] == [
        packet(f"s.{b}.{n}", n=str(n)) for b in range(3) for n in range(40)
    ]


@rule
async def what_was_sent_is_noted_with_its_position(world: World) -> None:
    store = world.store()
    lease = await leading(store)
    ids = await commit(store, lease, Batch(outbox=[packet(name) for name in "abcd"]))
    sent = [
        (ids[0], Position("EVENTS", 10)),
        (ids[1], Position("COMMANDS", 3)),
        (ids[2], Position("EVENTS", 11)),
    ]
    await commit(store, lease, Batch(sent=sent))
    assert [row.packet.subject for row in await store.unsent()] == ["d"]
    assert await store.last_sent() == {"EVENTS": 11, "COMMANDS": 3}
    assert [row.packet.subject for row in await store.sent_since(Position("EVENTS", 10))] == ["a", "c"]
    assert [row.packet.subject for row in await store.sent_since(Position("EVENTS", 11))] == ["c"]
    assert await store.sent_since(Position("EVENTS", 12)) == []
    assert await store.sent_since(Position("SAID", 0)) == []
    [last] = await store.sent_since(Position("EVENTS", 11))
    assert (last.id, last.position) == (ids[2], Position("EVENTS", 11))


@rule
async def what_was_sent_lately_is_told_in_the_order_of_its_stream(world: World) -> None:
    store = world.store()
    lease = await leading(store)
    ids = await commit(store, lease, Batch(outbox=[packet(name) for name in "abcde"]))
    await commit(store, lease, Batch(sent=[(ids[0], Position("EVENTS", 7))]))
    await world.elapse(3.0)
    sent = [
        (ids[2], Position("EVENTS", 8)),
        (ids[1], Position("EVENTS", 9)),
        (ids[3], Position("WANT", 1)),
    ]
    await commit(store, lease, Batch(sent=sent))
    assert [(row.packet.subject, row.position.sequence) for row in await _lately(store, 1.0)] == [
        ("c", 8),
        ("b", 9),
    ]
    assert [row.id for row in await _lately(store, 60.0)] == [ids[0], ids[2], ids[1]]
    assert await store.sent_lately("SAID", within=timedelta(days=1)) == []


async def _lately(store: Store, seconds: float) -> Sequence[Sent]:
    return await store.sent_lately("EVENTS", within=timedelta(seconds=seconds))


@rule
async def what_is_sent_again_has_its_new_position(world: World) -> None:
    store = world.store()
    lease = await leading(store)
    [outbox_id] = await commit(store, lease, Batch(outbox=[packet("a")]))
    await commit(store, lease, Batch(sent=[(outbox_id, Position("EVENTS", 10))]))
    await commit(store, lease, Batch(sent=[(outbox_id, Position("EVENTS", 5))]))
    assert await store.last_sent() == {"EVENTS": 5}


@rule
async def only_what_was_sent_long_ago_is_forgotten(world: World) -> None:
    store = world.store()
    lease = await leading(store)
    ids = await commit(store, lease, Batch(outbox=[packet("sent"), packet("unsent")]))
    await commit(store, lease, Batch(sent=[(ids[0], Position("EVENTS", 1))]))
    await store.prune(sent_before=datetime.now(UTC) - timedelta(days=1))
    assert await store.last_sent() == {"EVENTS": 1}
    await store.prune(sent_before=datetime.now(UTC) + timedelta(days=1))
    assert await store.last_sent() == {}
    assert [row.packet.subject for row in await store.unsent()] == ["unsent"]


# ---- intents


@rule
async def an_intent_is_open_until_it_is_closed(world: World) -> None:
    store = world.store()
    lease = await leading(store)
    await commit(store, lease, Batch(intents=[turn("one"), turn("two", degrees=-1)]))
    opened = await store.open_intents()
    assert sorted((it.intent.id, it.attempts) for it in opened) == [("one", 0), ("two", 0)]
    assert {it.intent.id: it.intent for it in opened}["two"] == turn("two", degrees=-1)
    await commit(store, lease, Batch(closed_intents=["one", "nobody"]))
    assert [it.intent.id for it in await store.open_intents()] == ["two"]


@rule
async def each_beginning_of_an_intent_is_counted(world: World) -> None:
    store = world.store()
    lease = await leading(store)
    await commit(store, lease, Batch(intents=[turn("one")]))
    assert [await store.begin_intent("one"), await world.store().begin_intent("one")] == [1, 2]
    assert [it.attempts for it in await store.open_intents()] == [2]
    await commit(store, lease, Batch(closed_intents=["one"]))
    assert await store.begin_intent("one") == 0


@rule
async def an_intent_that_is_open_is_not_opened_twice(world: World) -> None:
    store = world.store()
    lease = await leading(store)
    await commit(store, lease, Batch(intents=[turn("one", degrees=1)]))
    await store.begin_intent("one")
    await commit(store, lease, Batch(intents=[turn("one", degrees=1)]))
    assert [it.attempts for it in await store.open_intents()] == [1]


@rule
async def closing_comes_before_opening(world: World) -> None:
    store = world.store()
    lease = await leading(store)
    await commit(store, lease, Batch(intents=[turn("one", degrees=1)]))
    await store.begin_intent("one")
    await commit(store, lease, Batch(closed_intents=["one"], intents=[turn("one", degrees=2)]))
    [reopened] = await store.open_intents()
    assert (reopened.intent, reopened.attempts) == (turn("one", degrees=2), 0)
