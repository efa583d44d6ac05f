"""Between a process and its store or bus lies a line; all that can go wrong there goes wrong on it.

A call waits its way there, takes effect at one moment, and waits its way back. The process may die on either
side of the effect, the answer may be lost, the other end may be down.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from tradewind.common.bus.streams import ACK_WAIT_S
from tradewind.common.contracts.envelope import Packet
from tradewind.common.reactor.aggregate import Aggregate, Ref
from tradewind.common.reactor.ports import (
    Batch,
    Bus,
    Delivery,
    Intake,
    Lease,
    OpenIntent,
    Position,
    Sent,
    Store,
    Unavailable,
    Unsent,
)
from tradewind.simulator.faults import FaultPlan, Strike
from tradewind.simulator.memory_bus import MemoryServer
from tradewind.simulator.process import Killed, Process
from tradewind.simulator.virtual_time import Pause, running

T = TypeVar("T")

SEEN_BY_OTHERS = frozenset({"acquire", "commit", "publish", "bind", "release"})
"""What others may act upon before the caller knows of it: of these, the way back takes time too."""

MAY_BE_LOST = ("evt.", "said.", "want.")
"""Levels: whoever misses one hears of it again (design.md §1)."""
COMMANDS_NOT_LOST = frozenset(
    {"submit", "submit_array", "cancel", "cancel_array", "close_claim", "drain_node"}
)
"""What a person asked for is said once, and kept until it is done."""


def may_be_lost(subject: str) -> bool:
    if subject.startswith("cmd."):
        return subject.rsplit(".", 1)[1] not in COMMANDS_NOT_LOST
    return subject.startswith(MAY_BE_LOST)


FULL = "full"
"""The name under which EVENTS is full."""


def mute_name(process: str) -> str:
    return f"mute/{process}"


def deaf_name(process: str) -> str:
    return f"deaf/{process}"


def slow_name(service: str) -> str:
    return f"slow/{service}"


@dataclass(slots=True)
class Outages:
    """Until when each thing is down, by name: `bus`, a service for its store, a process that is cut off, or
    one of the names above.
    """

    until: dict[str, float] = field(default_factory=dict[str, float])
    losses: int = 0
    """How often the bus was lost."""

    def begin(self, name: str, lasts_s: float) -> None:
        self.until[name] = asyncio.get_running_loop().time() + lasts_s

    def down(self, name: str) -> bool:
        until = self.until.get(name)
        return until is not None and until > asyncio.get_running_loop().time()

    async def over(self, name: str) -> None:
        """Returns when that is up (again)."""
        while self.down(name):  # noqa: ASYNC110 - time is virtual: nobody is busy
            await asyncio.sleep(self.until[name] - asyncio.get_running_loop().time())


class Line:
    """The way of one process to the world."""

    def __init__(
        self,
        process: Process,
        faults: FaultPlan,
        outages: Outages,
        *,
        on_crash: Callable[[Process, str, Strike], None] | None = None,
        on_freeze: Callable[[Process, str, Strike], None] | None = None,
    ) -> None:
        """Without `on_crash` and `on_freeze` the process neither dies of its calls nor freezes in them."""
        self.process = process
        self.faults = faults
        self.outages = outages
        self._on_crash = on_crash
        self._on_freeze = on_freeze
        self._loop = running()
        self.place = process.name.partition("/")[0]
        """Where faults of the line strike: a service, or all agents, whatever life of it this is."""
        self._crash = faults.dice("crash", self.place)
        self._freeze = faults.dice("freeze", self.place)
        self._unknown = faults.dice("unknown", self.place)

    async def call(self, where: str, what: str, effect: Callable[[], Awaitable[T]]) -> T:
        """`effect`, there and back. Raises Unavailable, Killed, and what the effect raises."""
        if not self.process.at_work:
            await self.process.breathe()
        self.may_crash("before", what)
        self._may_freeze("before", what)
        await self._travel(where)
        result = await effect()
        self.may_crash("after", what)
        if self._unknown.throw() is not None:
            raise Unavailable(f"{what}: no answer in time")
        if what in SEEN_BY_OTHERS:
            self._may_freeze("after", what)
            await self._travel(where)
        return result

    def _may_freeze(self, when: str, what: str) -> None:
        if self._on_freeze is not None and (strike := self._freeze.throw()) is not None:
            self._on_freeze(self.process, f"{when} {what}", strike)

    async def can_hear(self) -> None:
        """Returns when what the bus gives arrives (again)."""
        deaf = deaf_name(self.process.name)
        while self.down("bus") or self.outages.down(deaf):
            await self.outages.over("bus")
            await self.outages.over(self.process.name)
            await self.outages.over(deaf)

    def may_crash(self, when: str, what: str) -> None:
        if self._on_crash is not None and (strike := self._crash.throw()) is not None:
            moment = f"{when} {what}"
            self._on_crash(self.process, moment, strike)
            self.process.kill()
            raise Killed(moment)

    async def _travel(self, where: str) -> None:
        await Pause(self._loop, 0.0002 + 0.002 * self.faults.random.random() ** 3)
        if not self.process.at_work:
            await self.process.breathe()
        if self.down(where):
            raise Unavailable(f"{where} does not answer")

    def down(self, where: str) -> bool:
        """Whether that is down, or the process is cut off from all."""
        return self.outages.down(where) or self.outages.down(self.process.name)


class LinedStore:
    """A store at the end of a line."""

    def __init__(self, store: Store, line: Line, service: str) -> None:
        self._store = store
        self._line = line
        self._where = service

    async def acquire(self, *, holder: str, ttl_s: float) -> Lease:
        return await self._call("acquire", lambda: self._store.acquire(holder=holder, ttl_s=ttl_s))

    async def renew(self, lease: Lease, *, ttl_s: float) -> None:
        await self._call("renew", lambda: self._store.renew(lease, ttl_s=ttl_s))

    async def release(self, lease: Lease) -> None:
        await self._call("release", lambda: self._store.release(lease))

    async def living(self) -> list[Aggregate]:
        return await self._call("living", self._store.living)

    async def load(self, refs: Iterable[Ref]) -> list[Aggregate]:
        return await self._call("load", lambda: self._store.load(refs))

    async def commit(self, lease: Lease, batch: Batch, *, ttl_s: float) -> list[int]:
        line = self._line
        if line.outages.down(slow_name(self._where)):
            await asyncio.sleep(line.faults.random.uniform(0.5, 6.0))

        async def effect() -> list[int]:
            strike = line.faults.strikes("lost_commit", line.place)
            applied = strike is None or strike.random.random() < 0.5
            ids = await self._store.commit(lease, batch, ttl_s=ttl_s) if applied else []
            if strike is not None:
                raise Unavailable("commit: the transaction failed, or its session was lost")
            return ids

        return await self._call("commit", effect)

    async def unsent(self) -> list[Unsent]:
        return await self._call("unsent", self._store.unsent)

    async def sent_since(self, position: Position) -> list[Sent]:
        return await self._call("sent_since", lambda: self._store.sent_since(position))

    async def sent_lately(self, stream: str, *, within: timedelta) -> list[Sent]:
        return await self._call("sent_lately", lambda: self._store.sent_lately(stream, within=within))

    async def last_sent(self) -> Mapping[str, int]:
        return await self._call("last_sent", self._store.last_sent)

    async def prune(self, *, sent_before: datetime) -> None:
        await self._call("prune", lambda: self._store.prune(sent_before=sent_before))

    async def open_intents(self) -> list[OpenIntent]:
        return await self._call("open_intents", self._store.open_intents)

    async def begin_intent(self, intent_id: str) -> int:
        return await self._call("begin_intent", lambda: self._store.begin_intent(intent_id))

    async def _call(self, what: str, effect: Callable[[], Awaitable[T]]) -> T:
        return await self._line.call(self._where, what, effect)


class LinedBus:
    """The bus at the end of a line."""

    def __init__(self, bus: Bus, server: MemoryServer, line: Line) -> None:
        self._bus = bus
        self._server = server
        self._line = line

    async def intake(self, *, stream: str, durable: str, filters: tuple[str, ...] = ()) -> "LinedIntake":
        bound = await self._line.call(
            "bus", "bind", lambda: self._bus.intake(stream=stream, durable=durable, filters=filters)
        )
        return LinedIntake(bound, self._line)

    async def publish(self, packets: Sequence[Packet]) -> list[Position]:
        async def effect() -> list[Position]:
            stored = list(packets)
            line = self._line
            if line.outages.down(mute_name(line.process.name)):
                raise Unavailable("publish: it does not arrive")
            if (refused := self._refused(stored)) is not None:
                await self._bus.publish(stored[:refused])
                raise Unavailable("publish: EVENTS is full")
            if len(stored) > 1 and (strike := line.faults.strikes("unknown", f"{line.place}/part")):
                cut = strike.random.randrange(len(stored))
                await self._bus.publish(stored[:cut])
                raise Unavailable("publish: the answer to some did not come in time")
            positions = await self._bus.publish(stored)
            for packet in stored:
                self._may_repeat(packet)
            return positions

        return await self._line.call("bus", "publish", effect)

    async def last_sequence(self, stream: str) -> int:
        return await self._line.call("bus", "last_sequence", lambda: self._bus.last_sequence(stream))

    async def message_id(self, position: Position) -> str | None:
        return await self._line.call("bus", "message_id", lambda: self._bus.message_id(position))

    def losses(self) -> int:
        return self._line.outages.losses

    def _refused(self, packets: Sequence[Packet]) -> int | None:
        """The first that a full stream does not take."""
        if not self._line.outages.down(FULL):
            return None
        return next((at for at, one in enumerate(packets) if one.subject.startswith("evt.")), None)

    def _may_repeat(self, packet: Packet) -> None:
        # Of wants the last value is stored: a copy that comes late takes the place of a newer one.
        kind = "late_want" if packet.subject.startswith("want.") else "duplicate"
        if (strike := self._line.faults.strikes(kind, self._line.place)) is not None:
            later = strike.often_short(0.001, 30.0, 400.0)
            asyncio.get_running_loop().call_later(later, self._repeat, packet)

    def _repeat(self, packet: Packet) -> None:
        self._server.store(packet, dedup=False)


class LinedIntake:
    """A durable consumer at the end of a line."""

    def __init__(self, intake: Intake, line: Line) -> None:
        self._intake = intake
        self._line = line
        self._delay = line.faults.dice("delay", line.place)
        self._loss = line.faults.dice("loss", line.place)
        self._lost_ack = line.faults.dice("lost_ack", line.place)

    async def fetch(self, limit: int) -> Sequence[Delivery]:
        process = self._line.process
        while True:
            await process.breathe()
            if (strike := self._delay.throw()) is not None:
                await asyncio.sleep(strike.between(0.05, 20.0))
            await self._line.can_hear()
            taken = await self._intake.fetch(limit)
            await self._line.can_hear()  # what arrived while nothing could is given when it can
            await process.breathe()
            lost = [one for one in taken if may_be_lost(one.packet.subject) and self._loss.throw()]
            if not lost:
                return taken
            await self._intake.ack(lost)
            kept = [one for one in taken if one not in lost]
            if kept:
                return kept

    async def ack(self, deliveries: Sequence[Delivery]) -> None:
        # An ack has no answer, and never fails.
        await self._line.process.breathe()
        self._line.may_crash("before", "ack")
        loop = asyncio.get_running_loop()
        if self._line.down("bus") or self._lost_ack.throw():
            # The server asks again after a while, and is then told (see `bus.intake`).
            loop.call_later(ACK_WAIT_S, lambda: loop.create_task(self._ack_late(deliveries)))
        else:
            await self._intake.ack(deliveries)
        self._line.may_crash("after", "ack")

    async def close(self) -> None:
        if self._line.process.alive:
            await self._intake.close()

    async def _ack_late(self, deliveries: Sequence[Delivery]) -> None:
        await self._line.can_hear()
        if self._line.process.alive:
            await self._intake.ack(deliveries)
