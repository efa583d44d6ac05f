"""A gateway over real servers, and the other services as far as it hears of them: events, commands, logs."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from tradewind.common.bus.connection import Connection
from tradewind.common.bus.nats_bus import NatsBus
from tradewind.common.bus.streams import Durable
from tradewind.common.contracts.envelope import Envelope, Packet, decode, encode
from tradewind.common.contracts.job import (
    JobCancelled,
    JobEvent,
    JobFailed,
    JobLevel,
    JobPhase,
    JobQueued,
    JobRunning,
    JobStarting,
    JobSucceeded,
    SubmitJob,
)
from tradewind.common.contracts.log import LogChunk
from tradewind.common.contracts.registry import Event, Message
from tradewind.common.contracts.task import JobSpec
from tradewind.common.contracts.values import Fence
from tradewind.common.runtime.ids import new_uuid7
from tradewind.common.runtime.settings import Settings
from tradewind.gateway.app import Gateway
from tradewind.gateway.settings import GatewaySettings
from tradewind.local.nats_config import OPERATOR
from tradewind.local.nats_server import EmbeddedNats

TOKEN = "token-of-the-tests"
DURABLES = (
    Durable("EVENTS", "gateway", ("evt.>",)),
    Durable("COMMANDS", "jobs_controller", ("cmd.jobs_controller.>",)),
    Durable("COMMANDS", "scheduler", ("cmd.scheduler.>",)),
)
EVENT_OF: dict[JobPhase, type[JobEvent]] = {
    JobPhase.QUEUED: JobQueued,
    JobPhase.STARTING: JobStarting,
    JobPhase.RUNNING: JobRunning,
    JobPhase.SUCCEEDED: JobSucceeded,
    JobPhase.FAILED: JobFailed,
    JobPhase.CANCELLED: JobCancelled,
}


def gateway_settings(folder: Path, *, postgres_url: str, nats_server: EmbeddedNats) -> GatewaySettings:
    (folder / "token").write_text(TOKEN)
    service = Settings(
        home=folder,
        postgres_url=postgres_url,
        nats_url=nats_server.url("gateway"),
        nats_operator_url=nats_server.url(OPERATOR),
        nats_pid_file=None,
        instance="test",
        health_port=0,
    )
    return GatewaySettings.from_env(service, {"TRADEWIND_GATEWAY_PORT": "0", "TRADEWIND_USER": "ada"})


@dataclass
class GatewayWorld:
    settings: GatewaySettings
    gateway: Gateway
    http: httpx.AsyncClient
    owner: Connection
    """As somebody who may publish anything."""
    bus: NatsBus
    nats: EmbeddedNats
    running: "asyncio.Task[None]"

    async def submit(self, **more: Any) -> dict[str, Any]:
        answer = await self.http.post("/v1/jobs", json={"spec": spec(), **more})
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def commands(self) -> list[Message]:
        """What lies in the stream COMMANDS, in order."""
        return [envelope.message for envelope in await self.command_envelopes()]

    async def command_envelopes(self) -> list[Envelope]:
        info = await self.owner.js.stream_info("COMMANDS")
        if not info.state.messages:
            return []
        found: list[Envelope] = []
        for sequence in range(info.state.first_seq, info.state.last_seq + 1):
            stored = await self.owner.js.get_msg("COMMANDS", sequence)
            found.append(decode(Packet(str(stored.subject), stored.headers or {}, stored.data or b"")))
        return found

    async def say(self, *events: Event, correlation: str = "", after_s: float = 0.0) -> list[int]:
        """Publish as the owner would; returns the sequences."""
        packets = [
            encode(
                Envelope(
                    id=new_uuid7(),
                    message=event,
                    source=f"tradewind/{event.owner}",
                    time=datetime.now(UTC) + timedelta(seconds=after_s),
                    correlation=correlation or event.about,
                )
            )
            for event in events
        ]
        return [position.sequence for position in await self.bus.publish(packets)]

    async def tell(self, job: str, phase: JobPhase, *, version: int, **more: Any) -> JobLevel:
        """The jobs controller says how far a job of ours is."""
        level = job_level(job, phase, version=version, **more)
        await self.say(EVENT_OF[phase].of(level))
        return level

    async def log(self, job: str, text: str | bytes, *, offset: int, rank: int = 0, attempt: int = 1) -> None:
        body = text.encode() if isinstance(text, str) else text
        chunk = LogChunk("n1", Fence(job=job, attempt=attempt, rank=rank), offset, body)
        await self.bus.publish([chunk.packet])

    async def shown(self, path: str, **wanted: Any) -> dict[str, Any]:
        """What is at `path`, once it is as wanted."""
        told: dict[str, Any] = {}

        async def is_so() -> bool:
            answer = await self.http.get(path)
            told.clear()
            told.update(answer.json())
            return answer.status_code == 200 and all(
                told.get(name) == value for name, value in wanted.items()
            )

        await until(is_so, what=f"{path} is not {wanted}")
        return told

    async def owner_is_up(self) -> bool:
        return self.owner.up

    async def letters(self, count: int) -> list[dict[str, Any]]:
        """The dead letters, once there are as many."""
        found: list[dict[str, Any]] = []

        async def are_there() -> bool:
            found[:] = (await self.http.get("/v1/dead-letters")).json()["letters"]
            return len(found) >= count

        await until(are_there, what=f"not {count} dead letters")
        return found


async def until(is_so: Callable[[], Awaitable[bool]], *, what: str, within_s: float = 10.0) -> None:
    """Returns as soon as it is so."""
    for _ in range(int(within_s / 0.02)):
        if await is_so():
            return
        await asyncio.sleep(0.02)
    raise AssertionError(what)


def spec(**more: Any) -> dict[str, Any]:
    return {"name": "train", "roles": [{"run": "echo hello"}], "envs": {"KEY": "hush"}, **more}


def job_level(job: str, phase: JobPhase, *, version: int, number: int = 1, **more: Any) -> JobLevel:
    plain: dict[str, Any] = {
        "id": job,
        "workspace": "default",
        "version": version,
        "number": number,
        "user": "ada",
        "phase": phase,
        "attempt": 1,
        "restarts": 0,
        "summary": JobSpec.model_validate(spec()).summary(),
        "spec_ref": "ref",
        "submitted_at": datetime(2026, 1, 1, tzinfo=UTC),
    }
    return JobLevel(**{**plain, **more})


def submit_of(commands: Sequence[Message]) -> SubmitJob:
    found = [one for one in commands if isinstance(one, SubmitJob)]
    assert len(found) == 1, commands
    return found[0]
