"""The topology: made once, changed in place where that can be, refused in one sentence where it cannot."""

from dataclasses import replace

import pytest
from nats.js.api import DeliverPolicy, RetentionPolicy, StreamConfig

from tests.integration.bus.nats_world import NatsWorld
from tradewind.common.bus import streams
from tradewind.common.bus.connection import Connection, connect
from tradewind.common.bus.streams import Durable
from tradewind.common.bus.topology import TopologyRefused, apply, apply_durable, remove_durable
from tradewind.common.contracts.allocation import CloseClaim
from tradewind.common.contracts.job import JobEvent, JobQueued
from tradewind.common.contracts.node import NodeSaid
from tradewind.common.reactor.aggregate import Aggregate
from tradewind.common.reactor.decision import Decision
from tradewind.common.reactor.wiring import Wiring, on
from tradewind.local.nats_config import ADMIN
from tradewind.local.nats_server import EmbeddedNats
from tradewind.local.wirings import READERS, wirings


class Claim(Aggregate):
    kind = "Claim"


def hearing(service: str, *messages: type) -> Wiring:
    reactions = tuple(on(message, Claim, key=str, decide=lambda *_: Decision()) for message in messages)
    return Wiring(service=service, kinds=(Claim,), reactions=reactions, alarms={})


@pytest.fixture
async def admin(nats_server: EmbeddedNats):
    connection = await connect(nats_server.url(ADMIN), name="admin")
    yield connection
    await connection.close()


async def filters(admin: Connection, stream: str, durable: str) -> list[str]:
    config = (await admin.js.consumer_info(stream, durable)).config
    return sorted(config.filter_subjects or [str(config.filter_subject)])


async def test_it_makes_what_is_missing_and_then_nothing(admin: Connection) -> None:
    wirings = [hearing("scheduler", JobEvent, CloseClaim), hearing("provisioner", NodeSaid)]
    gateway = Durable("EVENTS", "gateway", ("evt.>",))
    done = await apply(admin, wirings, readers=[gateway])
    assert [phrase for phrase in done if "stream" in phrase] == [
        f"created the stream {name}" for name in ("EVENTS", "COMMANDS", "WANT", "SAID", "LOGS", "DEAD")
    ]
    assert done[6:] == [
        "created the consumer scheduler of COMMANDS",
        "created the consumer scheduler of EVENTS",
        "created the consumer provisioner of SAID",
        "created the consumer gateway of EVENTS",
    ]
    assert await apply(admin, wirings, readers=[gateway]) == []
    commands = (await admin.js.stream_info("COMMANDS")).config
    assert (commands.subjects, commands.retention) == (["cmd.scheduler.>"], RetentionPolicy.WORK_QUEUE)


async def test_what_differs_is_changed_and_what_is_stored_stays(admin: Connection) -> None:
    await apply(admin, [hearing("scheduler", JobQueued)], events_bytes=10**8)
    await admin.js.publish("evt.default.job.queued", b"1")
    done = await apply(admin, [hearing("scheduler", JobEvent, CloseClaim, NodeSaid)], events_bytes=2 * 10**8)
    assert done == [
        "changed the stream EVENTS: max_bytes",
        "created the stream COMMANDS",
        "created the consumer scheduler of COMMANDS",
        "changed the consumer scheduler of EVENTS: filter_subject",
        "created the consumer scheduler of SAID",
    ]
    assert (await admin.js.stream_info("EVENTS")).state.messages == 1
    assert await filters(admin, "EVENTS", "scheduler") == ["evt.*.job.*"]
    wider = Durable("EVENTS", "scheduler", ("evt.*.job.*", "evt.*.node.*"))
    assert await apply_durable(admin.js, wider) == [
        "changed the consumer scheduler of EVENTS: filter_subjects"
    ]
    assert await filters(admin, "EVENTS", "scheduler") == ["evt.*.job.*", "evt.*.node.*"]
    assert await apply_durable(admin.js, replace(wider, filters=("evt.>",)))
    assert await filters(admin, "EVENTS", "scheduler") == ["evt.>"]


async def test_a_stream_of_another_kind_is_refused(admin: Connection) -> None:
    await admin.js.add_stream(StreamConfig(name="SAID", subjects=["said.>"]))
    with pytest.raises(TopologyRefused) as raised:
        await apply(admin, [])
    assert str(raised.value) == (
        "the stream SAID exists with a setting that NATS does not change in place: when a stream forgets a "
        "message (retention is limits, must be interest); delete it by hand once what it holds is no longer "
        "needed, then run this again"
    )


async def test_a_consumer_of_another_kind_is_refused(admin: Connection) -> None:
    await apply(admin, [])
    other = Durable("EVENTS", "scheduler", ("evt.>",)).config().evolve(deliver_policy=DeliverPolicy.NEW)
    await admin.js.add_consumer("EVENTS", other)
    with pytest.raises(TopologyRefused, match="where a consumer begins"):
        await apply(admin, [hearing("scheduler", JobEvent)])


async def test_the_consumer_of_a_node(world: NatsWorld) -> None:
    js = world.admin.js
    assert await apply_durable(js, streams.wants_of("n1")) == ["created the consumer node-n1 of WANT"]
    assert await apply_durable(js, streams.wants_of("n1")) == []
    await remove_durable(js, streams.wants_of("n1"))
    await remove_durable(js, streams.wants_of("n1"))
    assert (await js.stream_info("WANT")).state.consumer_count == 0


async def test_the_real_services(admin: Connection) -> None:
    """Whatever the services hear, the server takes it."""
    assert await apply(admin, wirings(), readers=READERS)
    assert await apply(admin, wirings(), readers=READERS) == []
