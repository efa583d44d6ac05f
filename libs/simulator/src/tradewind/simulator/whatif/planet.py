"""The world of a what-if: the services, the infras, the machines; and the time that passes."""

import asyncio
import logging
import signal
import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from types import FrameType
from typing import cast

from tradewind.common.bus.streams import durables, owners, streams
from tradewind.common.contracts.envelope import Envelope, encode
from tradewind.common.contracts.job import SubmitJob
from tradewind.common.hands import Hands
from tradewind.common.reactor.leader import Leader
from tradewind.common.reactor.wiring import Wiring
from tradewind.provisioner.enrolment import Enrolment
from tradewind.provisioner.hands import hands
from tradewind.provisioner.infra.mock.script import Script
from tradewind.provisioner.watch import watch
from tradewind.simulator.line import Outages
from tradewind.simulator.machine import Machine, Process
from tradewind.simulator.memory_bus import MemoryBus, MemoryServer
from tradewind.simulator.process import task_factory
from tradewind.simulator.provisioner_outside import SimulatedEnrolment
from tradewind.simulator.virtual_time import VirtualClock, VirtualLoop, run
from tradewind.simulator.whatif.calm import wirings
from tradewind.simulator.whatif.hosts import Hosts
from tradewind.simulator.whatif.kept import KeptRows
from tradewind.simulator.whatif.scripted import ScriptedInfras
from tradewind.simulator.whatif.seen import Seen
from tradewind.simulator.whatif.work import Works
from tradewind.simulator.whatif.workload import Submission

WORKSPACE = "default"
MAX_MESSAGE = 1 << 20
LEASE_S = 30 * 86_400.0
WARM_S = 0.1
"""Nothing is submitted before all services stand and have heard of the infras."""
LOOK_EVERY_S = 30.0
SETTLED_S = 3_600.0
"""Nothing runs, nothing moved for so long, and the infra will not change: what waits would wait for ever."""
GIVEN_UP_S = 7 * 86_400.0
"""The same, although the infra may still change."""


Progress = Callable[[int, int, float], None]
"""(jobs that are over, all jobs, virtual seconds)"""


class Ending(StrEnum):
    COMPLETE = "complete"
    """Every job and every machine has ended."""
    UNTIL = "until"
    STUCK = "stuck"
    """What waits would wait for ever."""


@dataclass(frozen=True, slots=True)
class Lived:
    """How it went."""

    seen: Seen
    works: Works
    infras: ScriptedInfras
    ended_s: float
    ended: Ending


class Planet:
    """Made inside a virtual loop; `live` runs it until all is at rest."""

    def __init__(
        self,
        submissions: Iterable[Submission],
        script: Script,
        *,
        seed: int,
        loop: VirtualLoop,
        progress: Progress,
    ) -> None:
        self._loop = loop
        self._clock = VirtualClock(loop)
        self._progress = progress
        self._submissions = {f"job-{one.number:07d}": one for one in submissions}
        self._broken: asyncio.Future[None] = loop.create_future()
        self.works = Works(self._submissions, now=loop.time)
        self.seen = Seen(self._submissions, now=loop.time, job_ended=self._job_ended)
        self._server = self._make_server()
        self._hosts = Hosts(
            server=self._server,
            clock=self._clock,
            scripts=self.works.script,
            began=self._process_began,
            ended=self._process_ended,
            broke=self.broke,
        )
        self.infras = ScriptedInfras(script, seed=seed, hosts=self._hosts, loop=loop)

    async def live(self, *, until_s: float | None) -> Ending:
        tasks = [
            self._loop.create_task(self._serve(one))
            for one in wirings(self.infras.drivers, changed=self.infras.changed)
        ]
        tasks.append(self._loop.create_task(self._submit()))
        for task in tasks:
            task.add_done_callback(self._ended)
        try:
            return await self._until_at_rest(until_s)
        finally:
            for task in tasks:
                task.cancel()
            for job in self.seen.jobs.values():
                job.let_pass(self._loop.time())

    async def _until_at_rest(self, until_s: float | None) -> Ending:
        while until_s is None or self._loop.time() < until_s:
            step = LOOK_EVERY_S if until_s is None else min(LOOK_EVERY_S, until_s - self._loop.time())
            await asyncio.wait((self._broken,), timeout=step)
            if self._broken.done():
                self._broken.result()
            self._loop.forgive()
            if self.seen.over == len(self._submissions) and not self.seen.living_nodes:
                return Ending.COMPLETE
            if self._is_stuck():
                return Ending.STUCK
        return Ending.UNTIL

    def _is_stuck(self) -> bool:
        if self.seen.living_nodes or sum(self.seen.phases.values()) < len(self._submissions):
            return False
        still_s = self._loop.time() - max(self.seen.moved_at, self.infras.changed_by_script_at())
        return still_s > (GIVEN_UP_S if self.infras.may_change() else SETTLED_S)

    def _make_server(self) -> MemoryServer:
        durable = durables(wirings((), changed=lambda infra: True))
        server = MemoryServer(
            streams(owners=owners(durable), max_message=MAX_MESSAGE),
            loop_time=self._loop.time,
            as_bytes=False,
        )
        for one in durable:
            server.declare(one)
        return server

    async def _serve(self, wiring: Wiring) -> None:
        name, bus = wiring.service, MemoryBus(self._server)
        store = KeptRows(name, committed=self.seen.note)
        provisions = name == "provisioner"
        drivers = self.infras.drivers
        enrolment = cast(Enrolment, SimulatedEnrolment(self._server, Outages()))
        own = hands(drivers, enrolment=enrolment, clock=self._clock) if provisions else {}
        at_work = Hands(own, service=name, store=store, bus=bus, clock=self._clock)
        leader = Leader(
            wiring,
            store=store,
            bus=bus,
            clock=self._clock,
            holder="only",
            on_intents=at_work.take,
            on_deposed=at_work.drop,
            lease_ttl_s=LEASE_S,
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(leader.run())
            if provisions:
                group.create_task(watch(bus, drivers.values(), self._clock))

    async def _submit(self) -> None:
        bus = MemoryBus(self._server)
        for job, one in self._submissions.items():
            await asyncio.sleep(max(max(one.at_s, WARM_S) - self._loop.time(), 0.0))
            now = self._clock.now()
            command = SubmitJob(
                id=job,
                workspace=WORKSPACE,
                number=one.number,
                user="somebody",
                summary=one.summary,
                spec_ref=f"spec-{one.number}",
                submitted_at=now,
            )
            await bus.publish(
                [
                    encode(
                        Envelope(id=job, message=command, source="tradewind/user", time=now, correlation=job)
                    )
                ]
            )
        await self._loop.create_future()

    def _process_began(self, machine: Machine, process: Process) -> None:
        self.works.began(process)
        self.seen.process_began(machine, process)

    def _process_ended(self, machine: Machine, process: Process) -> None:
        job = process.fence.job
        needs_s = self.works.jobs[job].submission.saves_in_s
        nodes = self.seen.jobs[job].nodes
        saved_at = None if needs_s is None else self.infras.saved_at(nodes, needs_s=needs_s)
        self.works.ended(process, saved_at=saved_at)
        self.seen.process_ended(machine, process)

    def _job_ended(self) -> None:
        self._progress(self.seen.over, len(self._submissions), self._loop.time())

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            self.broke(task.exception() or RuntimeError(f"{task.get_name()} ended"))

    def broke(self, error: BaseException) -> None:
        """It cannot go on."""
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        if not self._broken.done():
            self._broken.set_exception(error)


def live(
    submissions: Iterable[Submission],
    script: Script,
    *,
    seed: int = 0,
    until_s: float | None = None,
    progress: Progress = lambda over, jobs, now: None,
) -> Lived:
    """Run a workload on infras to its end, or until `until_s`."""

    async def main(loop: VirtualLoop) -> Lived:
        loop.set_task_factory(task_factory)
        planet = Planet(submissions, script, seed=seed, loop=loop, progress=progress)
        with _interrupting(planet, loop):
            ended = await planet.live(until_s=until_s)
        return Lived(planet.seen, planet.works, planet.infras, loop.time(), ended)

    with _silent():
        try:
            return run(main)
        except Interrupted:
            raise KeyboardInterrupt from None


class Interrupted(Exception):
    """Somebody pressed ctrl-C."""


@contextmanager
def _interrupting(planet: Planet, loop: VirtualLoop) -> Generator[None]:
    """An interrupt ends it between two steps: raised within one, it would leave coroutines half-way."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        loop.call_soon(planet.broke, Interrupted())

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _silent() -> Generator[None]:
    """Services log what happens to them, and here only the outcome counts."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
