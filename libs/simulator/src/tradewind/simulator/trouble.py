"""What goes wrong by itself, at its own times: outages, deaths of agents and of machines."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence

from tradewind.common.bus.streams import Durable
from tradewind.simulator.agents import Agents
from tradewind.simulator.cloud import ScriptedCloud
from tradewind.simulator.faults import FaultPlan, Strike
from tradewind.simulator.line import FULL, Outages, slow_name
from tradewind.simulator.memory_bus import MemoryServer
from tradewind.simulator.seen import Seen
from tradewind.simulator.service_life import ServiceLife

Blow = Callable[[Strike], bool]
"""Strikes; returns whether there was anything to strike."""


class Trouble:
    def __init__(
        self,
        *,
        faults: FaultPlan,
        outages: Outages,
        services: Sequence[ServiceLife],
        agents: Agents,
        clouds: Sequence[ScriptedCloud],
        server: MemoryServer,
        durables: Sequence[Durable],
        seen: Seen,
        note: Callable[[str], None],
    ) -> None:
        self._faults = faults
        self._outages = outages
        self._services = services
        self._agents = agents
        self._clouds = clouds
        self._server = server
        self._durables = durables
        self._seen = seen
        self._note = note
        self._tasks: list[asyncio.Task[None]] = []

    def begin(self) -> None:
        self._tasks = [asyncio.get_running_loop().create_task(kind) for kind in self._kinds()]

    def end(self) -> None:
        """From now on nothing fails, and what was down is up."""
        self._faults.quiet = True
        self._outages.until.clear()
        for cloud in self._clouds:
            cloud.heal()
        for task in self._tasks:
            task.cancel()
        self._tasks = []
        self._note("nothing fails any more")

    def _kinds(self) -> Iterator[Coroutine[None, None, None]]:
        agents = self._agents
        for service in self._services:
            name = service.name
            yield self._now_and_then(
                "store_down", lambda strike, name=name: self._lose_store(name, strike), name
            )
            yield self._now_and_then(
                "slow_consumer", lambda strike, name=name: self._slow(name, strike), name
            )
            yield self._now_and_then("restart", service.restart, name)
        yield self._now_and_then("bus_down", self._lose_bus)
        yield self._now_and_then("blackout", self._lose_all)
        yield self._now_and_then("full_stream", self._fill)
        yield self._now_and_then("consumer_deleted", self._delete_a_consumer)
        for kind, blow in (
            ("agent_crash", agents.crash_one),
            ("cut_off", agents.cut_off_one),
            ("mute", agents.mute_one),
            ("deaf", agents.deafen_one),
            ("clock_jump", agents.jump_a_clock),
        ):
            yield self._now_and_then(kind, blow, each=lambda: len(agents.living))
        for cloud in self._clouds:
            yield self._now_and_then("node_loss", cloud.lose_one, cloud.name, each=lambda c=cloud: len(c.up))
            yield self._now_and_then(
                "reclaim", cloud.reclaim_one, cloud.name, each=lambda c=cloud: len(c.spot)
            )
            yield self._now_and_then("zone_down", cloud.lose_a_place, cloud.name)
            yield self._now_and_then("throttled", cloud.throttle, cloud.name)

    async def _now_and_then(
        self, kind: str, blow: Blow, of: str = "", *, each: Callable[[], int] = lambda: 1
    ) -> None:
        """At its rate, for each thing that it may strike."""
        dice = self._faults.dice(kind, of)
        while (pause := dice.pause_s()) is not None:
            await asyncio.sleep(pause / max(1, each()))
            strike = dice.now()
            if strike is not None and not blow(strike):
                self._faults.missed(kind, strike)

    def _lose_store(self, service: str, strike: Strike) -> bool:
        lasts = strike.often_short(0.5, 10.0, 90.0)
        self._outages.begin(service, lasts)
        self._note(f"{strike.name}: {service} has no store for {lasts:.1f} s")
        return True

    def _slow(self, service: str, strike: Strike) -> bool:
        lasts = strike.between(10.0, 90.0)
        self._outages.begin(slow_name(service), lasts)
        self._note(f"{strike.name}: {service} takes seconds over each batch for {lasts:.1f} s")
        return True

    def _fill(self, strike: Strike) -> bool:
        lasts = strike.often_short(1.0, 15.0, 120.0)
        self._outages.begin(FULL, lasts)
        self._note(f"{strike.name}: EVENTS is full for {lasts:.1f} s")
        return True

    def _delete_a_consumer(self, strike: Strike) -> bool:
        durable = strike.random.choice(self._durables)
        self._note(f"{strike.name}: the consumer {durable.name} of {durable.stream} is gone")
        self._server.remove(durable)
        return True

    def _lose_bus(self, strike: Strike) -> bool:
        lasts = strike.often_short(0.5, 10.0, 90.0)
        self._outages.begin("bus", lasts)
        self._outages.losses += 1
        self._note(f"{strike.name}: the bus is down for {lasts:.1f} s")
        if (end := self._faults.strikes("lost_end")) is not None:
            self._lose_ends(end)
        self._agents.tell_all(up=False)
        asyncio.get_running_loop().call_later(lasts, self._agents.tell_all, True)
        return True

    def _lose_all(self, strike: Strike) -> bool:
        """The machine of the control plane goes dark: every service, and what the bus had not on its disk."""
        for service in self._services:
            service.crash(strike)
        return self._lose_bus(strike)

    def _lose_ends(self, strike: Strike) -> None:
        for name in ("EVENTS", "COMMANDS", "WANT", "SAID"):
            stream = self._server.stream(name)
            lost = min(strike.random.randrange(12), stream.last)
            self._note(f"{strike.name}: {name} loses its last {lost} messages, down to {stream.last - lost}")
            self._seen.note_lost(stream.lose_end(lost))
