"""Programs outside follow events with a plain NATS client; what nobody should send stops nothing."""

import asyncio
import json
from collections.abc import Generator
from typing import Any

import nats
import pytest

from tests.e2e.stack import LocalStack, local_stack, task
from tradewind.local import api
from tradewind.local.home import Home
from tradewind.local.settings import Settings


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Generator[LocalStack]:
    with local_stack(tmp_path_factory.mktemp("home")) as running:
        yield running


async def test_a_plain_client_follows_jobs_as_cloudevents_and_can_publish_nothing(stack: LocalStack) -> None:
    refused: list[str] = []

    async def on_error(error: Exception) -> None:
        refused.append(str(error))

    url = api.status(stack.home).events_url
    assert url is not None
    outsider = await nats.connect(url, error_cb=on_error)
    followed = await outsider.subscribe("evt.default.job.*")
    with stack.client() as tw:
        job = tw.submit(task("true", envs={"SECRET": "hunter2"}))
        told: list[str] = []
        while "succeeded" not in told:
            event = await followed.next_msg(timeout=30)
            headers = event.headers or {}
            assert headers["ce-specversion"] == "1.0"
            assert headers["ce-subject"] == job.id
            assert headers["ce-type"] == f"tradewind.{event.subject.removeprefix('evt.default.')}"
            assert json.loads(event.data)["job"]["id"] == job.id
            assert b"hunter2" not in event.data
            told.append(event.subject.rsplit(".", 1)[1])
    assert [one for one in told if one != "running"] == ["queued", "starting", "succeeded"]
    for subject in (
        "evt.default.job.queued",
        "cmd.jobs_controller.cancel",
        "said.n.rank",
        "want.n.j",
        "log.n.j",
    ):
        await outsider.publish(subject, b"{}")
    await outsider.flush()
    await asyncio.sleep(0.1)
    assert sum("permissions violation" in one.lower() for one in refused) == 5
    await outsider.close()


async def test_garbage_on_every_subject_is_dead_lettered_and_stops_nothing(stack: LocalStack) -> None:
    admin = await nats.connect(_admin_url(stack))
    garbage: list[tuple[str, bytes, dict[str, str]]] = []
    for subject in (
        "cmd.jobs_controller.submit",
        "cmd.jobs_controller.nonsense",
        "cmd.scheduler.close_claim",
        "cmd.optimizer.next_round",
        "cmd.provisioner.drain_node",
        "said.nobody.rank",
        "said.nobody.node",
        "said.hand.provisioner.launched",
        "evt.default.job.queued",
        "evt.default.node.ready",
        "evt.default.claim.opened",
        "evt.default.allocation.granted",
        "evt.default.placement.chosen",
        "evt.default.capacity.vacated",
        "evt.default.infra.surveyed",
    ):
        garbage.append((subject, b"\xff\x00 garbage", {}))
        lie = {"ce-type": "tradewind.job.queued", "ce-id": "x", "ce-time": "2026-01-01T00:00:00+00:00"}
        garbage.append((subject, b'{"job": 5}', lie))
    js = admin.jetstream()
    for subject, body, headers in garbage:
        await js.publish(subject, body, headers=headers or None)
    with stack.client() as tw:
        assert tw.submit(task("true")).wait(timeout=60).phase == "succeeded"
        letters: tuple[Any, ...] = ()
        for _ in range(100):
            letters = tw.dead_letters(limit=500)
            if {subject for subject, _, _ in garbage} <= {letter.subject for letter in letters}:
                break
            await asyncio.sleep(0.1)
        assert {subject for subject, _, _ in garbage} <= {letter.subject for letter in letters}
        assert all(letter.why for letter in letters)
        assert all(service.ok for service in tw.services())
    await admin.close()


def _admin_url(stack: LocalStack) -> str:
    """As an operator with the home's secrets: services themselves may not do this."""
    settings = Settings(Home(stack.home))
    url = api.status(stack.home).events_url
    assert url is not None
    return f"nats://admin:{settings.password('nats.admin')}@{url.rpartition('@')[2]}"


async def test_a_dead_letter_is_driven_again_by_a_person(stack: LocalStack) -> None:
    admin = await nats.connect(_admin_url(stack))
    await admin.jetstream().publish("cmd.scheduler.close_claim", b"once more")
    with stack.client() as tw:
        deadline = asyncio.get_running_loop().time() + 20
        while not (mine := [one for one in tw.dead_letters(limit=500) if one.body == "once more"]):
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.1)
        assert tw.redrive(mine[0].seq) == "cmd.scheduler.close_claim"
        while (
            again := [one for one in tw.dead_letters(limit=500) if one.body == "once more"]
        ) == mine or not again:
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.1)
        assert [one.seq for one in again] != [one.seq for one in mine]
    await admin.close()
