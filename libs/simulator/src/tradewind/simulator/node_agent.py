"""The agent of a simulated machine: the agent's own rules (`tradewind.agent.domain`) over scripted processes.

Its shell does what the real one does: what was decided is written down before it is done; what is to be said stays written
until the bus has it; after a start it looks at what runs and goes on from there.
"""

import asyncio
import itertools
from collections.abc import Callable
from random import Random

from tradewind.agent.domain.model import (
    Action,
    Ended,
    Fact,
    Fetch,
    Fetched,
    Forget,
    Holding,
    Prepared,
    Rank,
    Say,
    Setup,
    Stage,
    Start,
    Started,
    Step,
    Stop,
)
from tradewind.agent.domain.reconcile import heed, learn, levels
from tradewind.common.bus.node_users import consumer_name
from tradewind.common.contracts.envelope import Envelope, decode, encode
from tradewind.common.contracts.node import NodeSaid
from tradewind.common.contracts.rank import AllocationWant
from tradewind.common.contracts.registry import Said
from tradewind.common.contracts.values import Fence, Share
from tradewind.common.reactor.decision import derived_id
from tradewind.common.reactor.ports import Bus, Clock, Unavailable
from tradewind.simulator.machine import Body, Machine, Script, Work

HEARTBEAT_S = 5.0
RETRY_S = 1.0

Scripts = Callable[[Fence], Script]
"""How the processes of a rank behave."""


class NodeAgent:
    """One life of an agent."""

    def __init__(
        self, machine: Machine, *, boot: int, bus: Bus, clock: Clock, random: Random, scripts: Scripts
    ) -> None:
        self._machine = machine
        self._boot = boot
        self._bus = bus
        self._clock = clock
        self._random = random
        self._scripts = scripts
        self._ordinal = itertools.count()
        self._something_to_say = asyncio.Event()

    async def run(self) -> None:
        machine = self._machine
        machine.on_end = self._on_end
        try:
            for holding in list(machine.journal.values()):
                self._resume(holding)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._heed_wants())
                group.create_task(self._say())
                group.create_task(self._beat())
        finally:
            if machine.on_end == self._on_end:
                machine.on_end = None

    def _resume(self, holding: Holding) -> None:
        """After a start: what was under way goes on, is found ended, or is begun (again)."""
        machine = self._machine
        machine.unsaid.extend(say.said for say in levels(holding))
        for rank in holding.ranks:
            match rank.stage:
                case Stage.FETCHING:
                    self._look(rank, Work.FETCH, Fetch(rank.fence))
                case Stage.SETTING_UP:
                    self._look(rank, Work.SETUP, Setup(rank.fence))
                case Stage.STARTING | Stage.RUNNING:
                    self._look(rank, Work.RUN, Start(rank.fence))
                case _:
                    pass
        self._something_to_say.set()

    def _look(self, rank: Rank, work: Work, again: Action) -> None:
        body = self._machine.bodies.get((rank.fence, work))
        if body is None:
            if rank.stopping:
                self._learn(Ended(rank.fence, self._clock.now(), None, "killed"))
            else:
                self._act(again)
        elif body.alive:
            if rank.stage is Stage.STARTING:
                self._learn(Started(rank.fence, self._clock.now()))
            if rank.stopping:
                self._act(Stop(rank.fence, 15.0))
        else:
            self._on_end(body)

    async def _heed_wants(self) -> None:
        while True:
            try:
                intake = await self._bus.intake(stream="WANT", durable=consumer_name(self._machine.node))
                while True:
                    deliveries = await intake.fetch(50)
                    for delivery in deliveries:
                        want = decode(delivery.packet).message
                        if isinstance(want, AllocationWant):
                            self._take(heed(self._holding(want.job), want))
                    await intake.ack(deliveries)
            except Unavailable:
                await asyncio.sleep(RETRY_S)

    def _holding(self, job: str) -> Holding:
        return self._machine.journal.get(job) or Holding(self._machine.node, job)

    def _learn(self, fact: Fact) -> None:
        self._take(learn(self._holding(fact.fence.job), fact))

    def _take(self, step: Step) -> None:
        self._machine.journal[step.holding.job] = step.holding
        self._machine.unsaid.extend(one.said for one in step.actions if isinstance(one, Say))
        self._something_to_say.set()
        for action in step.actions:
            self._act(action)

    def _act(self, action: Action) -> None:
        match action:
            case Fetch(fence):
                self._begin(fence, Work.FETCH)
            case Setup(fence):
                self._begin(fence, Work.SETUP)
            case Start(fence):
                self._begin(fence, Work.RUN)
                asyncio.get_running_loop().call_soon(self._learn, Started(fence, self._clock.now()))
            case Stop(fence, grace_s):
                ignores = self._scripts(fence).ignores_term
                if not self._machine.stop(fence, grace_s=grace_s, ignores_term=ignores):
                    ended = Ended(fence, self._clock.now(), None, "killed")
                    asyncio.get_running_loop().call_soon(self._learn, ended)
            case Forget(fence):
                for work in Work:
                    self._machine.bodies.pop((fence, work), None)
            case Say():
                pass

    def _begin(self, fence: Fence, work: Work) -> None:
        script = self._scripts(fence)
        seconds, code = {
            Work.FETCH: (script.fetch_s, 0),
            Work.SETUP: (script.setup_s, script.setup_code),
            Work.RUN: (script.run_s, script.run_code),
        }[work]
        seconds *= self._random.uniform(0.8, 1.2)
        self._machine.begin(fence, work, share=self._share(fence), seconds=seconds, code=code)

    def _share(self, fence: Fence) -> Share:
        want = self._holding(fence.job).want
        ranks = want.ranks if want is not None else ()
        return next((one.share for one in ranks if one.rank == fence.rank), Share(cpus=0.0))

    def _on_end(self, body: Body) -> None:
        now, fence, code = self._clock.now(), body.fence, body.code
        match body.work:
            case Work.FETCH if code == 0:
                self._learn(Fetched(fence))
            case Work.SETUP if code == 0:
                self._learn(Prepared(fence))
            case _:
                self._learn(Ended(fence, now, code, body.work.value))

    async def _say(self) -> None:
        """In order, each until the bus has it."""
        unsaid = self._machine.unsaid
        while True:
            await self._something_to_say.wait()
            while unsaid:
                batch = list(unsaid[:50])
                try:
                    await self._bus.publish([encode(self._envelope(said)) for said in batch])
                except Unavailable:
                    await asyncio.sleep(RETRY_S)
                else:
                    del unsaid[: len(batch)]
            self._something_to_say.clear()

    async def _beat(self) -> None:
        while True:
            said = NodeSaid(
                node=self._machine.node,
                boot=f"boot-{self._boot}",
                agent_version="simulated",
                address=self._machine.address,
                room=self._machine.room,
                at=self._clock.now(),
            )
            try:
                await self._bus.publish([encode(self._envelope(said))])
            except Unavailable:
                pass  # the next one says the same
            await asyncio.sleep(HEARTBEAT_S)

    def _envelope(self, said: Said) -> Envelope:
        return Envelope(
            id=derived_id(self._machine.node, self._boot, next(self._ordinal)),
            message=said,
            source=f"tradewind/agent/{self._machine.node}",
            time=self._clock.now(),
            correlation="",
        )
