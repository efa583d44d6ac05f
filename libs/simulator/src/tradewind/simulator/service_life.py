"""The life of one service: started, killed, started again, frozen while another takes over."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence

from tradewind.common.hands import Hand, Hands
from tradewind.common.reactor.leader import Leader
from tradewind.common.reactor.ports import Bus, Clock, Store
from tradewind.common.reactor.wiring import Wiring
from tradewind.simulator.faults import FaultPlan, Strike
from tradewind.simulator.line import Line, LinedBus, LinedStore, Outages
from tradewind.simulator.memory_bus import MemoryBus, MemoryServer
from tradewind.simulator.memory_store import MemoryStore
from tradewind.simulator.process import Broke, Process

Note = Callable[[str], None]
Beside = Callable[[Store, Bus], Coroutine[None, None, None]]
"""What runs beside the leader, as long as the service does."""


class ServiceLife:
    """Keeps one process of a service alive, as a supervisor would.

    `wiring` and `hands` are made anew for each life. `broke` hears of a main task that ended by itself: it
    never should.
    """

    def __init__(
        self,
        name: str,
        *,
        wiring: Callable[[], Wiring],
        hands: Callable[[], Mapping[str, Hand]],
        beside: Sequence[Beside] = (),
        store: MemoryStore,
        server: MemoryServer,
        clock: Clock,
        faults: FaultPlan,
        outages: Outages,
        note: Note,
        broke: Broke,
    ) -> None:
        self.name = name
        self._wiring = wiring
        self._hands = hands
        self._beside = beside
        self._store = store
        self._server = server
        self._clock = clock
        self._faults = faults
        self._outages = outages
        self._note = note
        self._broke = broke
        self._lives = 0
        self._process: Process | None = None
        self._frozen: Process | None = None
        self._restarting: asyncio.Task[None] | None = None

    def start(self, holder: str) -> None:
        self._lives += 1
        process = Process(f"{self.name}/{holder}.{self._lives}", on_end=self._broke)
        self._process = process
        line = Line(process, self._faults, self._outages, on_crash=self._on_crash, on_freeze=self._on_freeze)
        store = LinedStore(self._store, line, self.name)
        bus = LinedBus(MemoryBus(self._server), self._server, line)

        async def main() -> None:
            hands = Hands(self._hands(), service=self.name, store=store, bus=bus, clock=self._clock)
            leader = Leader(
                self._wiring(),
                store=store,
                bus=bus,
                clock=self._clock,
                holder=holder,
                on_intents=hands.take,
                on_deposed=hands.drop,
            )
            async with asyncio.TaskGroup() as group:
                group.create_task(leader.run())
                for one in self._beside:
                    group.create_task(one(store, bus))

        process.start(main())

    def crash(self, strike: Strike) -> None:
        """It dies where it stands."""
        if self._process is not None and self._process.alive:
            self._process.kill()
            self._on_crash(self._process, "with all the others", strike)

    def restart(self, strike: Strike) -> bool:
        """It is asked to end, as for an update, and another is started when it has."""
        process = self._process
        if process is None or not process.alive or self._restarting is not None:
            return False
        self._note(f"{strike.name}: {process.name} is asked to end")
        self._restarting = asyncio.get_running_loop().create_task(self._replace(process))
        return True

    async def _replace(self, process: Process) -> None:
        await process.end()
        self._restarting = None
        if process is self._process:  # else it crashed on the way, and will have a successor
            self.start(f"update{self._lives}")

    def stop(self) -> list[Process]:
        """Kill it for good; its processes."""
        processes = [process for process in (self._process, self._frozen) if process is not None]
        for process in processes:
            process.kill()
        return processes

    def _on_crash(self, process: Process, moment: str, strike: Strike) -> None:
        self._note(f"{strike.name}: {process.name} crashes {moment}")
        if process is self._process:
            self._process = None
            delay = strike.often_short(0.1, 3.0, 90.0)
            holder = process.name.rpartition("/")[2].partition(".")[0]
            asyncio.get_running_loop().call_later(delay, self.start, holder)
        elif process is self._frozen:
            self._frozen = None

    def _on_freeze(self, process: Process, moment: str, strike: Strike) -> None:
        if self._frozen is not None or process is not self._process:
            return self._faults.missed("freeze", strike)
        loop = asyncio.get_running_loop()
        # Sometimes for longer than the server remembers ids: then what it says at last is stored again.
        asleep = strike.often_short(10.0, 60.0, 400.0)
        self._note(f"{strike.name}: {process.name} freezes {moment} for {asleep:.1f} s")
        process.frozen_until = loop.time() + asleep
        self._frozen = process
        self.start(f"standby{self._lives}")
        # It wakes up, finds out, and is put away some time later.
        loop.call_later(asleep + strike.between(0.5, 20.0), self._put_away, process)
        return None

    def _put_away(self, process: Process) -> None:
        process.kill()
        if self._frozen is process:
            self._frozen = None
