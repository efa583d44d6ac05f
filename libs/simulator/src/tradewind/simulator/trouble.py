"""What goes wrong by itself, at its own times: outages, deaths of agents and of machines."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence

from tradewind.simulator.agents import Agents
from tradewind.simulator.cloud import ScriptedCloud
from tradewind.simulator.faults import FaultPlan
from tradewind.simulator.line import Outages
from tradewind.simulator.memory_bus import MemoryServer
from tradewind.simulator.seen import Seen
from tradewind.simulator.service_life import ServiceLife


class Trouble:
    def __init__(
        self,
        *,
        faults: FaultPlan,
        outages: Outages,
        services: Sequence[ServiceLife],
        agents: Agents,
        cloud: ScriptedCloud,
        server: MemoryServer,
        seen: Seen,
        note: Callable[[str], None],
    ) -> None:
        self._faults = faults
        self._outages = outages
        self._services = services
        self._agents = agents
        self._cloud = cloud
        self._server = server
        self._seen = seen
        self._note = note
        self._tasks: list[asyncio.Task[None]] = []

    def begin(self) -> None:
        self._tasks = [asyncio.get_running_loop().create_task(kind) for kind in self._kinds()]

    def end(self) -> None:
        """From now on nothing fails, and what was down is up."""
        self._faults.quiet = True
        self._outages.until.clear()
        for task in self._tasks:
            task.cancel()
        self._tasks = []
        self._note("nothing fails any more")

    def _kinds(self) -> Iterator[Coroutine[None, None, None]]:
        for service in self._services:
            yield self._now_and_then("store_down", lambda name=service.name: self._lose_store(name))
            yield self._now_and_then("restart", service.restart)
        yield self._now_and_then("bus_down", self._lose_bus)
        yield self._now_and_then("blackout", self._lose_all)
        yield self._now_and_then("agent_crash", self._agents.crash_one, each=lambda: len(self._agents.living))
        yield self._now_and_then("cut_off", self._agents.cut_off_one, each=lambda: len(self._agents.living))
        yield self._now_and_then("node_loss", self._lose_a_machine, each=lambda: len(self._cloud.up))

    async def _now_and_then(
        self, kind: str, strike: Callable[[], bool], *, each: Callable[[], int] = lambda: 1
    ) -> None:
        """At its rate, for each thing that it may strike."""
        while (pause := self._faults.pause_s(kind)) is not None:
            await asyncio.sleep(pause / max(1, each()))
            if not self._faults.quiet and strike():
                self._faults.injected[kind] += 1

    def _lose_store(self, service: str) -> bool:
        lasts = self._faults.often_short(0.5, 10.0, 90.0)
        self._outages.begin(service, lasts)
        self._note(f"{service} has no store for {lasts:.1f} s")
        return True

    def _lose_bus(self) -> bool:
        lasts = self._faults.often_short(0.5, 10.0, 90.0)
        self._outages.begin("bus", lasts)
        self._outages.losses += 1
        self._note(f"the bus is down for {lasts:.1f} s")
        if self._faults.strikes("lost_end"):
            self._lose_ends()
        self._agents.tell_all(up=False)
        asyncio.get_running_loop().call_later(lasts, self._agents.tell_all, True)
        return True

    def _lose_all(self) -> bool:
        """The machine of the control plane goes dark: every service, and what the bus had not on its disk."""
        for service in self._services:
            service.crash()
        return self._lose_bus()

    def _lose_ends(self) -> None:
        for name in ("EVENTS", "COMMANDS", "WANT", "SAID"):
            stream = self._server.stream(name)
            lost = min(self._faults.random.randrange(12), stream.last)
            self._note(f"{name} loses its last {lost} messages, down to {stream.last - lost}")
            self._seen.note_lost(stream.lose_end(lost))

    def _lose_a_machine(self) -> bool:
        if not self._cloud.up:
            return False
        rented = self._faults.random.choice(self._cloud.up)
        self._note(f"machine {rented.machine.node[:8]} is gone")
        self._cloud.lose(rented)
        return True
