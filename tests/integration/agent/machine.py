"""A node with a real agent on a real bus, and the rest of the control plane as a test plays it."""

import asyncio
import hashlib
import io
import os
import signal
import sys
import tarfile
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from tests.unit.agent.wants import want
from tradewind.common.bus.connection import Connection, connect
from tradewind.common.bus.publisher import Publisher
from tradewind.common.bus.streams import wants_of
from tradewind.common.bus.topology import apply, apply_durable
from tradewind.common.contracts.envelope import Envelope, Packet, decode, encode
from tradewind.common.contracts.job import ENDED_RANK_PHASES, RankPhase
from tradewind.common.contracts.log import LogChunk
from tradewind.common.contracts.node import NodeSaid
from tradewind.common.contracts.node_file import NodeCredentials, NodeFile
from tradewind.common.contracts.piece import PIECE_BYTES, pack
from tradewind.common.contracts.rank import AllocationWant, Fetch, Fetched, Goal, RankSaid
from tradewind.common.contracts.task import JobSpec, RoleSpec
from tradewind.common.contracts.values import Fence, Room
from tradewind.common.processes import started_at
from tradewind.local.nats_config import ADMIN
from tradewind.local.nats_server import EmbeddedNats

SOON_S = 15.0
ROOM = Room(cpus=4, memory_gib=1)


@dataclass
class ControlPlane:
    """Writes wants, hears saids and logs, gives specs and blobs."""

    server: EmbeddedNats
    connection: Connection
    publisher: Publisher
    given: dict[str, bytes] = field(default_factory=dict[str, bytes])
    refused: dict[str, Fetched] = field(default_factory=dict[str, Fetched])
    asked: list[Fetch] = field(default_factory=list[Fetch])
    ranks: dict[Fence, list[RankSaid]] = field(default_factory=lambda: defaultdict(list))
    nodes: dict[str, list[NodeSaid]] = field(default_factory=lambda: defaultdict(list))
    logs: dict[Fence, bytes] = field(default_factory=lambda: defaultdict(bytes))
    chunks: int = 0
    heard: asyncio.Condition = field(default_factory=asyncio.Condition)
    gives: bool = True
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    """What its messages say of the time."""
    _version: int = 0
    _logs_read: Subscription | None = None

    async def open(self) -> None:
        await apply(self.connection, ())
        await self.connection.client.subscribe("said.*.rank", cb=self._hear)
        await self.connection.client.subscribe("said.*.node", cb=self._hear)
        await self.connection.client.subscribe("said.*.fetch", cb=self._give)
        self._logs_read = await self.connection.client.subscribe("log.>", cb=self._read)
        # SAID keeps what somebody has yet to read; here it is what makes JetStream ack it.
        await self.connection.client.flush()

    def spec(self, ref: str = "spec-1", **role: Any) -> JobSpec:
        """A spec that can be fetched as `ref`."""
        envs = role.pop("envs", {})
        workdir = role.pop("workdir", None)
        spec = JobSpec(name="train", roles=(RoleSpec(**role),), envs=envs, workdir=workdir)
        self.given[ref] = spec.model_dump_json().encode()
        return spec

    def blob(self, **files: str) -> str:
        """A tar with these files that can be fetched; its sha256."""
        raw = io.BytesIO()
        with tarfile.open(fileobj=raw, mode="w") as tar:
            for name, text in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(text.encode())
                tar.addfile(member, io.BytesIO(text.encode()))
        sha256 = hashlib.sha256(raw.getvalue()).hexdigest()
        self.given[sha256] = raw.getvalue()
        return sha256

    async def want(self, goal: Goal, **changes: Any) -> AllocationWant:
        self._version += 1
        version = changes.pop("version", self._version)
        wanted = want(goal, version=version, **changes)
        await self.send(wanted)
        return wanted

    async def send(self, wanted: AllocationWant) -> None:
        envelope = Envelope(
            id=f"{wanted.job}/{wanted.attempt}/{wanted.version}/{os.urandom(4).hex()}",
            message=wanted,
            source="tradewind/jobs_controller",
            time=self.clock(),
            correlation=wanted.job,
        )
        await self.publisher.publish([encode(envelope)])

    async def until(self, holds: Callable[[], object], *, what: str, within_s: float = SOON_S) -> None:
        async with self.heard:
            try:
                async with asyncio.timeout(within_s):
                    await self.heard.wait_for(holds)
            except TimeoutError:
                heard = {str(fence): said[-1].phase.value for fence, said in [*self.ranks.items()][-10:]}
                raise AssertionError(f"{what}: not within {within_s:g} s; last heard {heard}") from None

    async def level(self, fence: Fence, phase: RankPhase, *, times: int = 1) -> RankSaid:
        """The rank's level, once it has been said so often."""

        def said() -> list[RankSaid]:
            return [one for one in self.ranks[fence] if one.phase is phase]

        await self.until(lambda: len(said()) >= times, what=f"{fence} {phase}")
        return said()[-1]

    async def end(self, fence: Fence) -> RankSaid:
        await self.until(
            lambda: any(one.phase in ENDED_RANK_PHASES for one in self.ranks[fence]), what=f"end of {fence}"
        )
        await self._catch_up_with_logs()
        return next(one for one in self.ranks[fence] if one.phase in ENDED_RANK_PHASES)

    async def _catch_up_with_logs(self) -> None:
        """What was printed is on the bus before the end is said; but each subscription is read by itself."""
        await self.connection.client.flush()
        while self._logs_read is not None and self._logs_read.pending_msgs:  # noqa: ASYNC110 -- nats-py tells it to nobody
            await asyncio.sleep(0.001)
        async with self.heard:
            return

    def text(self, fence: Fence) -> str:
        return self.logs[fence].decode()

    async def _hear(self, msg: Msg) -> None:
        message = decode(Packet(msg.subject, msg.headers or {}, msg.data)).message
        async with self.heard:
            if isinstance(message, RankSaid):
                self.ranks[message.fence].append(message)
            elif isinstance(message, NodeSaid):
                self.nodes[message.node].append(message)
            self.heard.notify_all()

    async def _give(self, msg: Msg) -> None:
        question = Fetch.model_validate_json(msg.data)
        self.asked.append(question)
        if not self.gives:
            await msg.respond(pack(Fetched(error="not now", retry=True)))
        elif question.ref in self.refused:
            await msg.respond(pack(self.refused[question.ref]))
        else:
            whole = self.given[question.ref]
            piece = whole[question.offset : question.offset + PIECE_BYTES]
            await msg.respond(pack(Fetched(total=len(whole)), piece))

    async def _read(self, msg: Msg) -> None:
        chunk = LogChunk.read(msg.subject, msg.headers or {}, msg.data)
        async with self.heard:
            self.chunks += 1
            known = self.logs[chunk.fence]
            assert chunk.offset <= len(known), "a gap in a log"
            self.logs[chunk.fence] = known + chunk.body[len(known) - chunk.offset :]
            self.heard.notify_all()


@dataclass
class Machine:
    """A node's folder, and its agent's process."""

    plane: ControlPlane
    folder: Path
    node: str = "n1"
    agent: asyncio.subprocess.Process | None = None

    async def admit(self) -> None:
        self.folder.mkdir(exist_ok=True)
        # In this order: while the server takes a new user, it may tell others that nobody answers.
        await apply_durable(self.plane.connection.js, wants_of(self.node))
        password = await asyncio.to_thread(self.plane.server.node_users.add, self.node)
        told = NodeFile(
            node=self.node,
            workspace="default",
            nats_url=self.plane.server.address,
            address="127.0.1.9",
            room=ROOM,
        )
        credentials = NodeCredentials(user=f"node-{self.node}", password=password)
        (self.folder / "node.json").write_text(told.model_dump_json())
        (self.folder / "credentials.json").write_text(credentials.model_dump_json())

    async def spawn(self, **environ: str) -> asyncio.subprocess.Process:
        with (self.folder / "agent.log").open("ab") as log:
            self.agent = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tradewind.agent",
                str(self.folder),
                cwd=self.folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={
                    **os.environ,
                    "TRADEWIND_NODE_ID": self.node,
                    "TRADEWIND_SECRET": "of the agent alone",
                    **environ,
                },
            )
        return self.agent

    async def start(self) -> None:
        """Returns when the agent has spoken."""
        known = len(self.plane.nodes[self.node])
        await self.spawn()
        await self.plane.until(lambda: len(self.plane.nodes[self.node]) > known, what="the agent speaks")

    async def kill(self) -> None:
        assert self.agent is not None
        self.agent.kill()
        await self.agent.wait()

    async def stop(self) -> int:
        assert self.agent is not None
        self.agent.terminate()
        async with asyncio.timeout(SOON_S):
            return await self.agent.wait()

    def rank_folder(self, fence: Fence) -> Path:
        return self.folder / "ranks" / str(fence)

    def pid(self, fence: Fence, launch: str = "run-1") -> int:
        return int((self.rank_folder(fence) / f"{launch}.pid").read_text().split()[0])

    def output(self) -> str:
        return (self.folder / "agent.log").read_text()

    async def end(self) -> None:
        """Nothing of the node is left."""
        if self.agent is not None and self.agent.returncode is None:
            await self.kill()
        while left := marked(f"TRADEWIND_NODE_ID={self.node}"):
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(0.01)


async def eventually(holds: Callable[[], object], *, what: str) -> None:
    """For what is not told on the bus."""
    for _ in range(int(SOON_S / 0.01)):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{what}: not within {SOON_S:g} s")


def marked(variable: str) -> list[int]:
    """The living processes with that in their environment."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and started_at(int(entry.name)) is not None:
            try:
                if variable.encode() in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


@asynccontextmanager
async def control_plane(server: EmbeddedNats) -> AsyncGenerator[ControlPlane]:
    connection = await connect(server.url(ADMIN), name="test")
    plane = ControlPlane(server, connection, Publisher(connection))
    await plane.open()
    try:
        yield plane
    finally:
        await connection.close()
