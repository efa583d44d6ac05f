"""What a node's credential can do: only what design.md §5 says. Each attempt is made on the real server."""

import asyncio
import json
from collections.abc import AsyncGenerator

import pytest
from nats.aio.msg import Msg

from tests.integration.local.bus_world import World, as_node, calling, world
from tradewind.common.bus.node_users import consumer_name


@pytest.fixture(scope="module")
async def bus(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[World]:
    async with world(tmp_path_factory.mktemp("bus")) as made:
        yield made


def consumer(**changes: object) -> bytes:
    config = {
        "durable_name": "node-n1",
        "name": "node-n1",
        "filter_subject": "want.n1.>",
        "ack_policy": "explicit",
        **changes,
    }
    return json.dumps({"stream_name": "WANT", "config": config}).encode()


CREATE = "$JS.API.CONSUMER.CREATE.WANT"
NEXT = "$JS.API.CONSUMER.MSG.NEXT.WANT"
PULL_ONE = b'{"batch": 1, "no_wait": true}'
STREAM_CONFIG = b'{"name": "SAID", "subjects": ["said.>"]}'


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        # speak for others
        ("said.n2.rank", b"x"),
        ("said.hand.provisioner.launched", b"x"),
        ("said", b"x"),
        ("log.n2.0", b"x"),
        ("want.n1.job", b"x"),
        ("want.n2.job", b"x"),
        ("cmd.jobs_controller.cancel", b"x"),
        ("evt.default.job.succeeded", b"x"),
        ("qry.optimizer.rank_offers", b"x"),
        # read what is another's
        (f"{NEXT}.node-n2", PULL_ONE),
        ("$JS.API.CONSUMER.MSG.NEXT.EVENTS.jobs_controller", PULL_ONE),
        ("$JS.ACK.WANT.node-n2.1.1.1.1.0", b"+ACK"),
        ("$JS.ACK.EVENTS.jobs_controller.1.1.1.1.0", b"+ACK"),
        ("$JS.API.DIRECT.GET.WANT.want.n2.job", b""),
        ("$JS.API.STREAM.MSG.GET.WANT", b'{"seq": 1}'),
        # consumers: its own, with a foreign filter or name, with a body that contradicts the subject
        (f"{CREATE}.node-n1.want.n1.>", consumer()),
        (f"{CREATE}.node-n1.want.n2.>", consumer(filter_subject="want.n2.>")),
        (f"{CREATE}.node-n1.want.n1.>", consumer(filter_subject="want.n2.>")),
        (f"{CREATE}.node-n1.want.n1.>", consumer(filter_subject=None, filter_subjects=["want.n2.>"])),
        (f"{CREATE}.node-n1.want.n1.>", consumer(deliver_subject="evt.default.job.succeeded")),
        (f"{CREATE}.node-n2.want.n2.>", consumer(durable_name="node-n2", name="node-n2")),
        (f"{CREATE}.node-n1", consumer(filter_subject=None)),
        ("$JS.API.CONSUMER.DURABLE.CREATE.WANT.node-n1", consumer()),
        ("$JS.API.CONSUMER.DELETE.WANT.node-n1", b""),
        ("$JS.API.CONSUMER.DELETE.WANT.node-n2", b""),
        ("$JS.API.CONSUMER.INFO.WANT.node-n1", b""),
        ("$JS.API.CONSUMER.LIST.WANT", b""),
        # streams
        ("$JS.API.STREAM.CREATE.SAID", STREAM_CONFIG),
        ("$JS.API.STREAM.UPDATE.SAID", STREAM_CONFIG),
        ("$JS.API.STREAM.DELETE.SAID", b""),
        ("$JS.API.STREAM.PURGE.SAID", b""),
        ("$JS.API.STREAM.MSG.DELETE.SAID", b'{"seq": 1}'),
        ("$JS.API.STREAM.INFO.SAID", b""),
        ("$JS.API.STREAM.NAMES", b""),
        ("$JS.API.INFO", b""),
        # answer in another's place, or reach the server itself
        ("_INBOX.anything", b"x"),
        ("_INBOX_n2.anything", b"x"),
        ("_R_.anything", b"x"),
        ("$SYS.REQ.SERVER.PING", b""),
        ("$SYS.ACCOUNT.SVC.CONNECT", b"x"),
    ],
)
async def test_a_node_may_not_publish(bus: World, subject: str, body: bytes) -> None:
    before = await bus.state()
    bus.overheard()
    async with as_node(bus.server, "n1") as node:
        await node.client.publish(subject, body, reply="_INBOX_n1.answer")
        await bus.settle(node)
        assert any("permissions violation for publish" in refusal for refusal in node.refused)
    assert not bus.overheard()
    assert await bus.state() == before


@pytest.mark.parametrize(
    "subject",
    [
        ">", "*", "*.>", "evt.>", "cmd.>", "want.>", "want.n1.>", "want.n2.>", "said.>", "said.n1.>", "log.>",
        "_INBOX.>", "_INBOX_n2.>", "_R_.>", "$JS.>", "$SYS.>",
    ],
)  # fmt: skip
async def test_a_node_may_not_subscribe(bus: World, subject: str) -> None:
    async with as_node(bus.server, "n1") as node:
        await node.client.subscribe(subject, cb=node.hear)
        await node.client.subscribe(subject, queue="shared", cb=node.hear)
        await bus.settle(node)
        assert sum("permissions violation for subscription" in refusal for refusal in node.refused) == 2
        for published in ("evt.default.job.queued", "want.n1.job", "said.n2.rank", "_INBOX_n2.x", "cmd.a.b"):
            await bus.admin.client.publish(published, b"secret")
        await bus.settle(node)
        assert not node.heard


@pytest.mark.parametrize("carrier", ["said.n1.rank", "log.n1.0", f"{NEXT}.node-n1", "said.n1.fetch"])
@pytest.mark.parametrize(
    "reply",
    [
        "$JS.API.STREAM.DELETE.EVENTS",  # an empty message there deletes
        "$JS.API.STREAM.PURGE.EVENTS",
        "$JS.API.CONSUMER.DELETE.WANT.node-n2",
        "$JS.ACK.WANT.node-n2.1.1.1.1.0",
        "said.n2.rank",
        "said.hand.provisioner.launched",
        "evt.default.job.succeeded",
        "cmd.jobs_controller.cancel",
        "want.n2.job",
    ],
)
async def test_a_node_cannot_have_the_server_or_a_service_speak_for_it(
    bus: World, carrier: str, reply: str
) -> None:
    """Permissions do not cover the reply of a message; the border between the accounts does."""

    async def answer(message: Msg) -> None:
        await gateway.client.publish(message.reply, b"")

    before = await bus.state()
    bus.overheard()
    async with (
        calling(bus.server.url("gateway")) as gateway,
        as_node(bus.server, "n1") as node,
    ):
        await gateway.client.subscribe("said.*.fetch", cb=answer)
        await gateway.client.flush()
        for _ in range(2):  # the first pull gets the want, the second the server's empty answer
            await node.client.publish(carrier, PULL_ONE, reply=reply)
        await bus.settle(node)
        await bus.settle(gateway)
    overheard = bus.overheard()
    after = await bus.state()
    assert but_for(after, "SAID", "LOGS", "WANT/node-n1") == but_for(before, "SAID", "LOGS", "WANT/node-n1")
    assert {message.subject for message in overheard if not message.subject.startswith("_R_.")} <= {
        carrier,
        "want.n1.job",  # which the server delivered to the mapped reply, and the node asked for
    }
    await bus.admin.client.jetstream().publish("want.n1.job", b"the next attempt's")


def but_for(state: dict[str, object], *what: str) -> dict[str, object]:
    """Without what a node may change: its streams' counters, and how far their readers are."""
    return {name: value for name, value in state.items() if not name.startswith(what)}


@pytest.mark.parametrize(
    "headers",
    [
        {"Nats-Rollup": "all"},
        {"Nats-Rollup": "sub"},
        {"Nats-Trace-Dest": "evt.default.job.succeeded"},
        {"Nats-Trace-Dest": "said.n2.rank"},
        {"Nats-Schedule": "@at 2020-01-01T00:00:00Z", "Nats-Schedule-Target": "said.n2.rank"},
    ],
)
async def test_a_node_gains_nothing_by_headers_that_the_server_obeys(
    bus: World, headers: dict[str, str]
) -> None:
    before = await bus.state()
    bus.overheard()
    async with as_node(bus.server, "n1") as node:
        await node.client.publish("said.n1.rank", b"mine", headers=headers)
        await bus.settle(node)
    overheard = bus.overheard()
    after = await bus.state()
    assert but_for(after, "SAID") == but_for(before, "SAID")
    assert {message.subject for message in overheard} <= {"said.n1.rank"}
    of_others = await bus.admin.client.jetstream().get_last_msg("SAID", "said.n2.rank")
    assert of_others.data != b"mine"


@pytest.mark.parametrize(("subject", "stream"), [("said.n1.rank", "SAID"), ("log.n1.0.stdout", "LOGS")])
async def test_a_node_speaks_for_itself_and_is_acked(bus: World, subject: str, stream: str) -> None:
    async with as_node(bus.server, "n1") as node:
        ack = await node.client.jetstream().publish(subject, b"mine", headers={"Nats-Msg-Id": subject})
        again = await node.client.jetstream().publish(subject, b"mine", headers={"Nats-Msg-Id": subject})
    assert (ack.stream, again.duplicate) == (stream, True)
    stored = await bus.admin.client.jetstream().get_last_msg(stream, subject)
    assert (stored.data, stored.headers) == (b"mine", {"Nats-Msg-Id": subject})


async def test_a_node_reads_its_wants_and_acks_them(bus: World) -> None:
    await bus.admin.client.jetstream().publish("want.n1.job", b"the last one")
    async with as_node(bus.server, "n1") as node:
        wants = await node.client.jetstream().pull_subscribe_bind(consumer_name("n1"), "WANT")
        got: list[Msg] = []
        while not got or got[-1].data != b"the last one":
            got += await wants.fetch(10, timeout=1)
            await got[-1].ack_sync()
        assert {message.subject for message in got} == {"want.n1.job"}
        waiting = asyncio.create_task(wants.fetch(10, timeout=5))
        await asyncio.sleep(0.01)
        await bus.admin.client.jetstream().publish("want.n1.other", b"live")
        assert [message.data for message in await waiting] == [b"live"]
    info = await bus.admin.client.jetstream().consumer_info("WANT", consumer_name("n1"))
    assert info.num_pending == 0


async def test_a_pull_lasts_through_its_heartbeats(bus: World) -> None:
    """Heartbeats are empty answers; the border between the accounts must not take one for the last answer."""
    question = {"batch": 100, "expires": int(5e9), "idle_heartbeat": int(2e7)}
    async with as_node(bus.server, "n1") as node:
        await node.client.subscribe("_INBOX_n1.pull", cb=node.hear)
        await node.client.publish(f"{NEXT}.node-n1", json.dumps(question).encode(), reply="_INBOX_n1.pull")
        for published in (b"first", b"second"):
            await asyncio.sleep(0.1)
            await bus.admin.client.jetstream().publish("want.n1.job", published)
        await asyncio.sleep(0.1)
    kinds = [(message.headers or {}).get("Status", message.data) for message in node.heard]
    assert kinds.index("100") < kinds.index(b"first") < kinds.index(b"second")
    assert "100" in kinds[kinds.index(b"first") : kinds.index(b"second")]


async def test_a_service_answers_a_nodes_request(bus: World) -> None:
    async def answer(message: Msg) -> None:
        await gateway.client.publish(message.reply, b"blob of " + message.data)

    async with calling(bus.server.url("gateway")) as gateway, as_node(bus.server, "n1") as node:
        await gateway.client.subscribe("said.*.fetch", cb=answer)
        await gateway.client.flush()
        answered = await node.client.request("said.n1.fetch", b"grant", timeout=1)
        assert (answered.data, gateway.refused) == (b"blob of grant", [])
