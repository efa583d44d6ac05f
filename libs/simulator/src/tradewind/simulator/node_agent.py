"""The agent of a simulated machine: its own shell and rules, over a scripted body and the bus in memory."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any, cast

from tradewind.agent.agent import Agent
from tradewind.agent.body import Body
from tradewind.agent.journal import Journal, Record
from tradewind.agent.memory import remember
from tradewind.agent.rank_folder import RankFolders
from tradewind.agent.run import HEARTBEAT_S
from tradewind.agent.speaker import Speaker
from tradewind.common.bus.connection import Connection
from tradewind.common.bus.node_users import consumer_name
from tradewind.common.bus.publisher import Publisher
from tradewind.common.contracts.envelope import Envelope
from tradewind.common.contracts.node import NodeSaid
from tradewind.common.contracts.registry import Said
from tradewind.common.contracts.values import Fence
from tradewind.common.reactor.ports import Bus, Clock, Unavailable
from tradewind.common.telemetry.spans import Off
from tradewind.simulator.machine import Machine
from tradewind.simulator.scripted_body import ScriptedBody, Scripts

RETRY_S = 1.0
GROWN = 200


class SimulatedConnection:
    """As much of a connection as an agent uses of one: it hears when the bus is lost and found."""

    def __init__(self) -> None:
        self._watchers: list[Callable[[bool], None]] = []

    def watch(self, told: Callable[[bool], None]) -> Callable[[], None]:
        self._watchers.append(told)
        return lambda: self._watchers.remove(told)

    def tell(self, *, up: bool) -> None:
        for told in list(self._watchers):
            told(up)


class MachineJournal(Journal):
    """The journal, on the machine's disk: an agent's death leaves it, the machine's does not."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(Path())
        self._machine = machine
        self._compact = 0

    @property
    def has_grown(self) -> bool:
        return len(self._machine.journal) > GROWN + 4 * self._compact

    def read(self) -> Iterator[Record]:
        for record in list(self._machine.journal):
            yield Record.model_validate_json(record.model_dump_json(exclude_defaults=True))

    def rewrite(self, records: Iterable[Record]) -> None:
        self._machine.journal[:] = records
        self._compact = len(self._machine.journal)

    def append(self, record: Record) -> None:
        self._machine.journal.append(record)

    def sync_soon(self) -> None:
        """It is as safe as the machine is."""


class SimulatedSpeaker(Speaker):
    """The speaker, with the ids and the clock of the simulation."""

    def __init__(
        self,
        node: str,
        *,
        journal: Journal,
        connection: SimulatedConnection,
        bus: Bus,
        boot: int,
        clock: Clock,
        failed: Callable[[BaseException], None],
    ) -> None:
        # Of a publisher it uses `publish`, and of a connection `watch`: the bus in memory has the one, this
        # the other.
        super().__init__(
            node=node,
            journal=journal,
            connection=cast(Connection, connection),
            publisher=cast(Publisher, bus),
            failed=failed,
        )
        self.boot = f"boot-{boot}"
        self._clock = clock

    def _envelope(self, said: Said, **context: Any) -> Envelope:
        return super()._envelope(said, **context)._replace(time=self._clock.now())


class MachineFolders:
    """The ranks that have a folder on the machine."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def fences(self) -> Iterator[Fence]:
        yield from sorted(self._machine.folders, key=str)


class NodeAgent:
    """One life of an agent."""

    def __init__(
        self,
        machine: Machine,
        *,
        boot: int,
        bus: Bus,
        connection: SimulatedConnection,
        clock: Clock,
        random: Random,
        scripts: Scripts,
        heartbeat_s: float = HEARTBEAT_S,
    ) -> None:
        self._heartbeat_s = heartbeat_s
        self._machine = machine
        self._boot = boot
        self._bus = bus
        self._connection = connection
        self._clock = clock
        self._random = random
        self._scripts = scripts

    async def run(self) -> None:
        machine = self._machine
        journal = MachineJournal(machine)
        remembered = remember(journal.read())
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def failed(error: BaseException) -> None:
            if not over.done():
                over.set_exception(error)

        speaker = SimulatedSpeaker(
            machine.node,
            journal=journal,
            connection=self._connection,
            bus=self._bus,
            boot=self._boot,
            clock=self._clock,
            failed=failed,
        )
        agent = Agent(
            node=machine.node,
            journal=journal,
            speaker=speaker,
            tracer=Off(),
            monotonic=asyncio.get_running_loop().time,
            body=lambda tell: cast(
                Body,
                ScriptedBody(
                    machine, scripts=self._scripts, random=self._random, clock=self._clock, tell=tell
                ),
            ),
        )
        self._connection.watch(lambda up: agent.say_levels() if up else None)
        agent.recover(remembered, cast(RankFolders, MachineFolders(machine)))
        async with asyncio.TaskGroup() as group:
            group.create_task(self._hear_wants(agent))
            group.create_task(self._beat(speaker))
            await over

    async def _hear_wants(self, agent: Agent) -> None:
        while True:
            try:
                intake = await self._bus.intake(stream="WANT", durable=consumer_name(self._machine.node))
                while True:
                    for delivery in await intake.fetch(50):
                        agent.take(delivery.packet)
                        await intake.ack([delivery])
            except Unavailable:
                await asyncio.sleep(RETRY_S)

    async def _beat(self, speaker: Speaker) -> None:
        while True:
            said = NodeSaid(
                node=self._machine.node,
                boot=speaker.boot,
                agent_version="simulated",
                address=self._machine.address,
                room=self._machine.room,
                at=self._clock.now(),
            )
            with suppress(Unavailable):  # the next one will do
                await speaker.announce(said)
            await asyncio.sleep(self._heartbeat_s)
