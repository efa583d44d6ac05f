"""The whole provisioner on real servers, with real machines and agents. The other services are spoken for."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from tests.fixtures.servers import Database, database, home, nats_server, postgres
from tests.integration.provisioner.local_host import Host, marked, until
from tradewind.common.bus import topology
from tradewind.common.bus.connection import Connection, connect
from tradewind.common.bus.nats_bus import NatsBus
from tradewind.common.contracts.allocation import (
    CapacityLevel,
    CapacityPhase,
    CapacityVacated,
    ClaimClosed,
    ClaimLevel,
    ClaimOpened,
    ClaimPhase,
)
from tradewind.common.contracts.envelope import Envelope, Packet, decode, encode
from tradewind.common.contracts.node import (
    ClusterEvent,
    InfraEvent,
    InfraLevel,
    NodeEvent,
    NodeLevel,
    NodePhase,
)
from tradewind.common.contracts.placement import PlacementChosen, PlacementLevel, PlacementPhase
from tradewind.common.contracts.registry import Event
from tradewind.common.contracts.values import Retention, Shape
from tradewind.common.db.migrate import migrate
from tradewind.local.nats_config import ADMIN
from tradewind.local.nats_server import EmbeddedNats
from tradewind.local.postgres import EmbeddedPostgres
from tradewind.local.postgres_files import SUPERUSER
from tradewind.local.wirings import READERS, wirings

__all__ = ["database", "home", "nats_server", "postgres"]  # fixtures, by name


@pytest.fixture(scope="session")
async def database_template(postgres: EmbeddedPostgres) -> str:
    name = "template_provisioner"
    await postgres.create_database(name)
    await migrate(postgres.url(name, user=SUPERUSER))
    return name


@dataclass
class Stage:
    """The other services' part: says what they would, and notes what the provisioner says."""

    environment: dict[str, str]
    connection: Connection
    events: list[Event] = field(default_factory=list)
    version: int = 0

    async def say(self, event: Event) -> None:
        envelope = Envelope(
            id=str(uuid4()), message=event, source="tests", time=datetime.now(UTC), correlation=event.about
        )
        bus = NatsBus(self.connection)
        await bus.publish([encode(envelope)])
        await bus.close()

    async def listen(self) -> None:
        subscription = await self.connection.client.subscribe("evt.>")
        async for message in subscription.messages:
            packet = Packet(message.subject, dict(message.headers or {}), message.data)
            said = decode(packet).message
            if isinstance(said, InfraEvent | ClusterEvent | NodeEvent):
                self.events.append(said)

    async def heard(self, name: str, seconds: float = 15) -> None:
        await until(lambda: name in self.names, seconds)

    @property
    def names(self) -> list[str]:
        return [f"{event.noun}.{event.name}" for event in self.events]

    @property
    def nodes(self) -> dict[str, NodeLevel]:
        return {event.node.id: event.node for event in self.events if isinstance(event, NodeEvent)}

    @property
    def infra(self) -> InfraLevel:
        return [event.infra for event in self.events if isinstance(event, InfraEvent)][-1]

    def claim(self, phase: ClaimPhase, count: int) -> ClaimLevel:
        self.version += 1
        return ClaimLevel(
            id="claim", workspace="default", version=self.version, phase=phase, generation=1, shape=Shape(),
            count=count, retention=Retention.JOB, opened_at=datetime.now(UTC),
        )  # fmt: skip

    async def ask_for(self, count: int) -> None:
        """A claim, and the place that this installation offers."""
        await self.heard("infra.surveyed")
        await self.say(ClaimOpened.of(self.claim(ClaimPhase.OPEN, count)))
        placement = PlacementLevel(
            id="claim", workspace="default", version=1, phase=PlacementPhase.CHOSEN, generation=1, round=1,
            count=count, shape=Shape(), ranked=(self.infra.offers[0].place,),
        )  # fmt: skip
        await self.say(PlacementChosen.of(placement))

    async def close(self, count: int) -> None:
        await self.say(ClaimClosed.of(self.claim(ClaimPhase.CLOSED, count)))

    async def vacate(self, node: NodeLevel) -> None:
        level = CapacityLevel(
            id=node.id, workspace="default", version=2, phase=CapacityPhase.VACATED, claim="claim",
            cluster=node.cluster, room=node.room,
        )  # fmt: skip
        await self.say(CapacityVacated.of(level))

    @asynccontextmanager
    async def provisioner(self, *, end: signal.Signals = signal.SIGTERM) -> AsyncGenerator[None]:
        """The service in a process of its own, until `end` ends it."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tradewind.provisioner", env={**os.environ, **self.environment}
        )
        try:
            yield
        finally:
            process.send_signal(end)
            code = await process.wait()
        assert code == (0 if end is signal.SIGTERM else -end)

    def in_phase(self, phase: NodePhase) -> Callable[[], bool]:
        return lambda: bool(self.nodes) and all(node.phase is phase for node in self.nodes.values())


@pytest.fixture
async def stage(nats_server: EmbeddedNats, database: Database) -> AsyncGenerator[Stage]:
    home = nats_server.home
    connection = await connect(nats_server.url(ADMIN), name="tests")
    await topology.apply(connection, wirings(), readers=READERS)
    environment = {
        "TRADEWIND_HOME": str(home.folder),
        "TRADEWIND_POSTGRES_URL": database.url,
        "TRADEWIND_NATS_URL": nats_server.url("provisioner"),
        "TRADEWIND_NATS_PID_FILE": str(home.run / "nats.pid"),
        "TRADEWIND_INSTANCE": "tests",
        "TRADEWIND_LOCAL_NODES": "2",
        "TRADEWIND_LOCAL_SLOTS": "3",
    }
    stage = Stage(environment, connection)
    listening = asyncio.create_task(stage.listen())
    yield stage
    listening.cancel()
    for node in os.listdir(home.nodes):
        for pid in marked(node):
            os.kill(pid, signal.SIGKILL)
    await connection.close()


async def test_a_claim_gets_its_nodes_and_gives_them_back(stage: Stage, nats_server: EmbeddedNats) -> None:
    async with stage.provisioner():
        await stage.ask_for(2)
        await stage.heard("cluster.up")
        ready = list(stage.nodes.values())
        assert [node.phase for node in ready] == [NodePhase.READY] * 2
        assert [node.room.cpus for node in ready] == [3, 3]
        assert sorted(nats_server.node_users.nodes()) == sorted(stage.nodes)
        await until(lambda: stage.infra.offers[0].in_use == 2)

        await stage.close(2)
        await until(stage.in_phase(NodePhase.DRAINING))
        for node in ready:
            await stage.vacate(node)
        await stage.heard("cluster.terminated")
        assert stage.in_phase(NodePhase.TERMINATED)()
        await until(lambda: stage.infra.offers[0].in_use == 0)
    assert [marked(node) for node in stage.nodes] == [[], []]
    assert nats_server.node_users.nodes() == []
    assert os.listdir(nats_server.home.nodes) == []
    wants = await stage.connection.js.consumers_info("WANT")
    assert wants == []


async def test_a_machine_that_is_killed_is_a_lost_node(stage: Stage, nats_server: EmbeddedNats) -> None:
    async with stage.provisioner():
        await stage.ask_for(1)
        await stage.heard("cluster.up")
        (node,) = stage.nodes
        machine = min(marked(node))
        os.kill(machine, signal.SIGKILL)
        await stage.heard("node.lost", 2)
        assert marked(node) == []
        await stage.heard("cluster.terminated")
        await until(lambda: not nats_server.node_users.nodes() and not os.listdir(nats_server.home.nodes))


async def test_nodes_outlive_a_killed_provisioner_and_the_next_one_takes_them_over(stage: Stage) -> None:
    async with stage.provisioner(end=signal.SIGKILL):
        await stage.ask_for(1)
        await stage.heard("cluster.up")
    (node,) = stage.nodes
    pids = marked(node)
    assert pids
    stage.events.clear()
    async with stage.provisioner():
        await asyncio.sleep(2)
        assert marked(node) == pids
        assert [name for name in stage.names if name.startswith("node.")] == []
        os.kill(min(pids), signal.SIGKILL)
        await stage.heard("node.lost", 2)


async def test_a_machine_that_ends_while_nobody_leads_is_lost_when_somebody_does(stage: Stage) -> None:
    async with stage.provisioner():
        await stage.ask_for(1)
        await stage.heard("cluster.up")
    (node,) = stage.nodes
    os.kill(min(marked(node)), signal.SIGKILL)
    async with stage.provisioner():
        await stage.heard("node.lost")
        assert marked(node) == []


async def test_a_gang_that_does_not_fit_is_sought_elsewhere(stage: Stage) -> None:
    async with stage.provisioner():
        await stage.ask_for(3)
        await stage.heard("cluster.seeking")
        assert stage.nodes == {}
        (seeking,) = [event.cluster for event in stage.events if isinstance(event, ClusterEvent)][-1:]
        assert seeking.failures[0].message.startswith("3 local nodes are wanted, 0 of 2 are in use")
        await stage.close(3)
        await stage.heard("cluster.terminated")


async def test_a_machine_of_nobody_is_ended_and_shut_out(stage: Stage, nats_server: EmbeddedNats) -> None:
    host = Host(nats_server.home.nodes)
    await host.up("stray")
    nats_server.node_users.add("stray")
    async with stage.provisioner():
        await until(lambda: not host.folder("stray").exists() and not nats_server.node_users.nodes())
    assert marked("stray") == []
