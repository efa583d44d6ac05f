"""Bus credentials by role: an outsider reads events and nothing else; a service speaks only for itself."""

from collections.abc import AsyncGenerator

import nats.errors
import pytest

from tests.integration.local.bus_world import World, calling, world
from tradewind.local.nats_config import ADMIN, READER, SERVICES


@pytest.fixture(scope="module")
async def bus(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[World]:
    async with world(tmp_path_factory.mktemp("bus")) as made:
        yield made


@pytest.mark.parametrize("subject", ["evt.>", "evt.default.job.*", "evt.*.job.queued"])
async def test_the_reader_hears_events(bus: World, subject: str) -> None:
    async with calling(bus.server.url(READER)) as reader:
        await reader.client.subscribe(subject, cb=reader.hear)
        await reader.client.flush()
        await bus.admin.client.publish("evt.default.job.queued", b"seen", headers={"ce-type": "t"})
        await bus.settle(reader)
        await bus.settle(reader)
        assert [(m.subject, m.data, m.headers) for m in reader.heard] == [
            ("evt.default.job.queued", b"seen", {"ce-type": "t"})
        ]


@pytest.mark.parametrize(
    "subject", [">", "want.>", "said.>", "log.>", "cmd.>", "qry.>", "_INBOX.>", "_R_.>", "$JS.>", "$SYS.>"]
)
async def test_the_reader_hears_nothing_else(bus: World, subject: str) -> None:
    async with calling(bus.server.url(READER)) as reader:
        await reader.client.subscribe(subject, cb=reader.hear)
        await bus.settle(reader)
        assert any("permissions violation for subscription" in refusal for refusal in reader.refused)
        for published in ("evt.default.job.queued", "want.n1.job", "said.n1.rank", "log.n1.0", "cmd.a.b"):
            await bus.admin.client.publish(published, b"secret")
        await bus.settle(reader)
        assert not reader.heard


@pytest.mark.parametrize(
    "subject",
    [
        "evt.default.job.succeeded", "cmd.jobs_controller.cancel", "want.n1.job", "said.n1.rank", "log.n1.0",
        "anything", "_INBOX.x", "$JS.API.INFO", "$JS.API.STREAM.DELETE.EVENTS", "$SYS.REQ.SERVER.PING",
    ],
)  # fmt: skip
async def test_the_reader_publishes_nothing(bus: World, subject: str) -> None:
    before = await bus.state()
    bus.overheard()
    async with calling(bus.server.url(READER)) as reader:
        await reader.client.publish(subject, b"x", reply="evt.reply")
        await bus.settle(reader)
        assert any("permissions violation for publish" in refusal for refusal in reader.refused)
    assert not bus.overheard()
    assert await bus.state() == before


FORBIDDEN = [
    ("scheduler", "evt.default.job.running"),
    ("gateway", "evt.default.job.running"),
    ("jobs_controller", "evt.default.node.lost"),
    ("provisioner", "evt.default.allocation.granted"),
    ("optimizer", "want.n1.job"),
    ("scheduler", "want.n1.job"),
    ("jobs_controller", "said.n1.rank"),
    ("jobs_controller", "said.hand.provisioner.launched"),
    ("provisioner", "log.n1.0"),
    ("jobs_controller", "$JS.API.STREAM.PURGE.WANT"),
    ("gateway", "$JS.API.STREAM.MSG.DELETE.DEAD"),
    *((service, "$JS.API.STREAM.DELETE.EVENTS") for service in SERVICES),
    *((service, "$JS.API.STREAM.UPDATE.EVENTS") for service in SERVICES),
]
ALLOWED = [
    ("jobs_controller", "evt.default.job.running", "EVENTS"),
    ("scheduler", "evt.default.claim.opened", "EVENTS"),
    ("optimizer", "evt.default.placement.chosen", "EVENTS"),
    ("provisioner", "evt.default.node.ready", "EVENTS"),
    ("provisioner", "said.hand.provisioner.launched", "SAID"),
    ("jobs_controller", "want.n1.job", "WANT"),
    *((service, "cmd.jobs_controller.submit", "COMMANDS") for service in SERVICES),
]


@pytest.mark.parametrize(("service", "subject"), FORBIDDEN)
async def test_a_service_does_not_speak_for_others(bus: World, service: str, subject: str) -> None:
    before = await bus.state()
    async with calling(bus.server.url(service)) as caller:
        await caller.client.publish(subject, b"", reply="_INBOX.answer")
        await bus.settle(caller)
        assert any("permissions violation for publish" in refusal for refusal in caller.refused)
    assert await bus.state() == before


@pytest.mark.parametrize("user", [*SERVICES, ADMIN])
async def test_nobody_reaches_the_servers_own_account(bus: World, user: str) -> None:
    async with calling(bus.server.url(user)) as caller:
        with pytest.raises(nats.errors.TimeoutError):
            await caller.client.request("$SYS.REQ.SERVER.PING", b"", timeout=0.1)


@pytest.mark.parametrize(("service", "subject", "stream"), ALLOWED)
async def test_a_service_speaks_for_itself(bus: World, service: str, subject: str, stream: str) -> None:
    async with calling(bus.server.url(service)) as caller:
        ack = await caller.client.jetstream().publish(subject, b"x", timeout=1)
    assert ack.stream == stream


@pytest.mark.parametrize(
    "options", [{}, {"user": "admin", "password": "wrong"}, {"user": "node-n1", "password": "x"}]
)
async def test_strangers_are_not_let_in(bus: World, options: dict[str, str]) -> None:
    with pytest.raises(nats.errors.Error):
        async with calling(bus.server.address, **options):
            pass
