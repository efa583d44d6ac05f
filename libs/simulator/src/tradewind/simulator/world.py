"""One seed's world: the services, the infra, the machines, a user, and what goes wrong between them."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random

from tradewind.common.bus.streams import durables, owners, streams
from tradewind.common.contracts.envelope import Packet, Undecodable, decode
from tradewind.common.contracts.node import NodeLevel
from tradewind.common.contracts.registry import Event
from tradewind.common.contracts.values import Fence
from tradewind.common.hands import Hand
from tradewind.common.reactor.ports import Bus, Lease, Position, Store
from tradewind.provisioner.watch import watch
from tradewind.simulator import machine as machines
from tradewind.simulator import markets, promises, services, workload
from tradewind.simulator.agents import Agents
from tradewind.simulator.cloud import Onlooker, ScriptedCloud
from tradewind.simulator.faults import FaultPlan
from tradewind.simulator.history import History
from tradewind.simulator.line import Line, LinedBus, Outages
from tradewind.simulator.machine import Machine, Script
from tradewind.simulator.memory_bus import MemoryBus, MemoryServer
from tradewind.simulator.memory_store import Committed, MemoryStore
from tradewind.simulator.process import Killed, Process, task_factory
from tradewind.simulator.promises.of_losses import note_loss
from tradewind.simulator.promises.of_purpose import has_purpose
from tradewind.simulator.promises.of_the_end import left_over, no_job_is_lost
from tradewind.simulator.promises.violation import Violation, judge
from tradewind.simulator.provisioner_outside import provisioner_hands
from tradewind.simulator.seen import Seen
from tradewind.simulator.service_life import ServiceLife
from tradewind.simulator.setup import SUBMITTED_OVER_S, Setup
from tradewind.simulator.trouble import Trouble
from tradewind.simulator.user import User
from tradewind.simulator.virtual_time import Stuck, TimeStandsStill, VirtualClock, VirtualLoop, run

MAX_MESSAGE = 1 << 20
AT_REST_WITHIN_S = 7_200.0
"""After the last fault. Some things are healed only by the wake of a wake, and a job may run for minutes."""
WATCHED_AT_REST_S = 720.0
"""More than one wake: what is at rest must stay so."""
LOOK_EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class Run:
    """How a run went."""

    seed: int
    digest: str
    virtual_s: float
    events: int
    jobs: int
    attempts: int
    injected: Counter[str]
    violation: Violation | None
    struck: tuple[str, ...] = ()
    """The names of the faults that struck, in order."""
    asked: tuple[int, ...] = ()
    """The numbers of what was asked for."""
    timeline: tuple[str, ...] = ()


def is_encoded(seed: int) -> bool:
    """In every fourth world messages and rows become bytes on their way, as in production: what does not
    survive that shows there. The others are faster.
    """
    return seed % 4 == 0


class World(Onlooker):
    """Made inside a virtual loop; `live` runs it to its end."""

    def __init__(self, setup: Setup, loop: VirtualLoop) -> None:
        self._loop = loop
        self._setup = setup
        self._clock = VirtualClock(loop)
        self._outages = Outages()
        encoded = is_encoded(setup.seed)
        self.history = History(bodies=encoded)
        self.faults = FaultPlan.draw(setup.seed, setup.rates, swarm=setup.swarm, only=setup.strikes)
        self._random = Random(f"world/{setup.seed}")
        wirings = services.wirings()
        durable = durables(wirings)
        self._server = MemoryServer(
            streams(owners=owners(durable), max_message=MAX_MESSAGE),
            loop_time=loop.time,
            heard=self._heard,
            as_bytes=encoded,
        )
        for one in durable:
            self._server.declare(one)
        load = workload.draw(
            setup.seed, jobs=setup.jobs, over_s=SUBMITTED_OVER_S, asks=setup.load, only=setup.asks
        )
        self.seen = Seen(workload=load, server=self._server)
        self._violation: asyncio.Future[None] = loop.create_future()
        self._agents = Agents(
            seed=setup.seed,
            server=self._server,
            clock=self._clock,
            faults=self.faults,
            outages=self._outages,
            scripts=self._script,
            note=self._note,
            broke=self._broke,
        )
        self._clouds = tuple(
            ScriptedCloud(
                name,
                script,
                knows=name == markets.INFRA,
                seed=setup.seed,
                clock=self._clock,
                faults=self.faults,
                onlooker=self,
                on_boot=self._on_boot,
                part=self._agents.part,
                note=self._note,
            )
            for name, script in markets.scripts(setup.seed).items()
        )
        self.seen.clouds = self._clouds
        self.seen.kinds = self.faults.kinds
        self._services: list[ServiceLife] = []
        for wiring in wirings:
            name = wiring.service
            store = MemoryStore(
                service=name,
                kinds=wiring.kinds,
                hands=wiring.hands,
                unique=services.uniques(name),
                clock=self._clock,
                witness=self,
                as_json=encoded,
            )
            self.seen.stores[name] = store
            self._services.append(
                ServiceLife(
                    name,
                    wiring=lambda name=name: services.wiring_of(name),
                    hands=self._provisioner_hands if name == "provisioner" else dict,
                    beside=(self._watch_clouds,) if name == "provisioner" else (),
                    store=store,
                    server=self._server,
                    clock=self._clock,
                    faults=self.faults,
                    outages=self._outages,
                    note=self._note,
                    broke=self._broke,
                )
            )
        self._trouble = Trouble(
            faults=self.faults,
            outages=self._outages,
            services=self._services,
            agents=self._agents,
            clouds=self._clouds,
            server=self._server,
            durables=durable,
            seen=self.seen,
            note=self._note,
        )

    def _provisioner_hands(self) -> Mapping[str, Hand]:
        return provisioner_hands(self._clouds, self._server, outages=self._outages, clock=self._clock)

    async def _watch_clouds(self, store: Store, bus: Bus) -> None:
        await watch(bus, self._clouds, self._clock)

    async def live(self) -> None:
        """Raises Violation."""
        for service in self._services:
            service.start("first")
        user = Process("user", on_end=self._broke)
        line = Line(user, self.faults, self._outages)
        bus = LinedBus(MemoryBus(self._server), self._server, line)
        asking = User(bus=bus, clock=self._clock, seen=self.seen, faults=self.faults, all_over=self._all_over)
        user.start(asking.run())
        self._trouble.begin()
        try:
            await self._until(self._setup.faults_end_s)
            self._trouble.end()
            self.seen.quiet_since = self._loop.time()
            await self._come_to_rest()
            judge(promises.AT_THE_END, self.seen)
        finally:
            self._trouble.end()
            processes = [user, *self._agents.processes.values()]
            for service in self._services:
                processes += service.stop()
            for process in processes:
                process.kill()
                await process.gone()

    async def _come_to_rest(self) -> None:
        end = self._loop.time() + AT_REST_WITHIN_S
        while self._loop.time() < end:
            if self._at_rest():
                await self._until(self._loop.time() + WATCHED_AT_REST_S)
                if self._at_rest():
                    return
            await self._until(self._loop.time() + 7.0)

    def _at_rest(self) -> bool:
        return self._all_over() and next(left_over(self.seen), None) is None

    def _all_over(self) -> bool:
        return next(no_job_is_lost(self.seen), None) is None

    async def _until(self, moment: float) -> None:
        """Let time pass, looking around every minute. Raises Violation, whoever found it."""
        while self._loop.time() < moment:
            step = min(LOOK_EVERY_S, moment - self._loop.time())
            await asyncio.wait((self._violation,), timeout=step)
            if self._violation.done():
                self._violation.result()
            self.seen.now = self._loop.time()
            self._look_for_purpose()
            judge(promises.EVERY_MINUTE, self.seen)

    def _look_for_purpose(self) -> None:
        since = self.seen.unclaimed_since
        purposeless = {
            rented.node
            for cloud in self._clouds
            for rented in cloud.up
            if not has_purpose(self.seen, rented.node)
        }
        for node in sorted(since.keys() - purposeless):
            del since[node]
        for node in sorted(purposeless):
            since.setdefault(node, self._loop.time())

    def outcome(self, violation: Violation | None, *, timeline: int, about: str) -> Run:
        jobs = [self.seen.job(job_id) for job_id in self.seen.workload.ask_of]
        return Run(
            seed=self._setup.seed,
            digest=self.history.digest,
            virtual_s=self._loop.time(),
            events=self._loop.events,
            jobs=len(jobs),
            attempts=sum(job.attempt for job in jobs if job is not None),
            injected=self.faults.injected,
            violation=violation,
            struck=tuple(self.faults.struck),
            asked=tuple(ask.number for ask in self.seen.workload.asks),
            timeline=tuple(self.history.timeline(timeline, about=about)) if timeline else (),
        )

    # ---- what the world is made of

    def _on_boot(self, machine: Machine) -> None:
        self._agents.start(machine)

    def _script(self, fence: Fence) -> Script:
        script = self.seen.workload.ask_of[fence.job].script
        failures = sum(one.rank == 0 and code != 0 for one, code in self.seen.exits[fence.job].items())
        if fence.rank == 0 and failures < script.fails_first:
            return Script(
                script.fetch_s, script.setup_s, script.run_s, run_code=1, ignores_term=script.ignores_term
            )
        return script

    # ---- what the world sees

    def _heard(self, packet: Packet, position: Position) -> None:
        seen = self.seen
        seen.now = self._loop.time()
        self.history.stored(self._loop.time(), packet, position)
        told = None
        if position.stream == "EVENTS":
            try:
                message = decode(packet).message
            except Undecodable as reason:
                self._report(Violation("events_are_readable", "Every event can be read.", str(reason)))
                return
            if isinstance(message, Event):
                told = seen.note_told(message, packet)
        seen.note_stored(packet, position)
        if told is not None:
            if isinstance(told.event.level, NodeLevel):
                note_loss(seen, told.event.level)
            self._judge(promises.AFTER_A_MESSAGE, seen, told)

    def led(self, service: str, lease: Lease) -> None:
        self.seen.epochs[service] = lease.epoch

    def committed(self, committed: Committed) -> None:
        self._judge(promises.AFTER_A_COMMIT, self.seen, committed)
        self.seen.note_committed(committed)
        self._judge(promises.ONCE_COMMITTED, self.seen, committed)

    def process_began(self, machine: Machine, process: machines.Process) -> None:
        self.seen.now = self._loop.time()
        self.seen.note_process(machine, process)
        self._judge(promises.AFTER_A_PROCESS, self.seen, machine, process)

    def process_stops(self, machine: Machine, process: machines.Process) -> None:
        self._judge(promises.BEFORE_A_STOP, self.seen, machine, process)

    def process_ended(self, machine: Machine, process: machines.Process) -> None:
        self.seen.note_process(machine, process)

    def machine_ends(self, machine: Machine, *, by_us: bool) -> None:
        if by_us:
            self._judge(promises.BEFORE_A_TERMINATION, self.seen, machine)
        else:
            self._judge(promises.BEFORE_A_LOSS, self.seen, machine)

    def _judge(self, promises: tuple[Callable[..., Iterator[str]], ...], *touched: object) -> None:
        try:
            judge(promises, *touched)
        except Violation as violation:
            self._report(violation)

    def _report(self, violation: Violation) -> None:
        if not self._violation.done():
            self._note(f"broken: {violation}")
            self._violation.set_exception(violation)

    def _broke(self, process: Process, error: BaseException | None) -> None:
        if isinstance(error, Killed):
            return
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        why = f": {type(error).__name__}: {error}" if error is not None else ""
        how = f"{process.name} ended by itself{why}"
        self._report(Violation("services_go_on", "No process ends unless it is killed.", how))

    def _note(self, what: str) -> None:
        self.history.note(self._loop.time(), what)


def simulate(setup: Setup, *, timeline: int = 0, about: str = "") -> Run:
    """Run one seed to its end. The same setup always gives the same history."""
    worlds: list[World] = []

    async def main(loop: VirtualLoop) -> None:
        loop.set_task_factory(task_factory)
        worlds.append(World(setup, loop))
        await worlds[0].live()

    violation: Violation | None = None
    with _silent():
        try:
            run(main)
        except Violation as broken:
            violation = broken
        except (Stuck, TimeStandsStill) as stopped:
            violation = Violation(
                "time_goes_on", "The system never stops, nor runs in a circle.", str(stopped)
            )
    [world] = worlds
    return world.outcome(violation, timeline=timeline, about=about)


@contextmanager
def _silent() -> Generator[None]:
    """Services warn of every fault that they meet, and here they meet many."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
