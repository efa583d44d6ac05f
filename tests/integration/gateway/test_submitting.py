"""What becomes of a submission when something dies, or is sent twice."""

import asyncio
from datetime import timedelta

import pytest

from tests.integration.gateway.gateway_world import GatewayWorld, spec
from tradewind.common.contracts.job import CancelJob, JobPhase, RestateJob, SubmitJob
from tradewind.common.db.engine import create_engine
from tradewind.common.reactor.ports import Unavailable
from tradewind.common.runtime.clock import SystemClock
from tradewind.gateway.domain.submission import SubmitRequest, submission
from tradewind.gateway.submission_store import FIRST_DUE, SubmissionStore
from tradewind.gateway.submitting import Submitting


class Later(SystemClock):
    """A clock that is ahead, at least by what a submission may take to be confirmed."""

    def __init__(self, ahead: timedelta = 2 * FIRST_DUE) -> None:
        self._ahead = ahead

    def now(self):
        return super().now() + self._ahead


@pytest.fixture
async def store(world: GatewayWorld):
    engine = create_engine(world.settings.service.postgres_url, service="tests")
    yield SubmissionStore(engine)
    await engine.dispose()


async def test_the_same_key_and_body_give_the_same_answer(world: GatewayWorld) -> None:
    async def post(key: str, **more: object):
        return await world.http.post(
            "/v1/jobs", json={"spec": spec(), **more}, headers={"Idempotency-Key": key}
        )

    answers = await asyncio.gather(*(post("k") for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert len(await world.commands()) == 1
    told = answers[0].json()
    await world.tell(told["id"], JobPhase.RUNNING, version=2)
    await world.shown(told["ref"], phase="running")
    assert (await post("k", priority=0)).text == answers[0].text

    other = await post("k", priority=1)
    assert other.status_code == 409
    assert other.json()["field"] == "Idempotency-Key"
    assert (await post("another")).json()["number"] == 2


@pytest.mark.parametrize("count", [None, 3])
async def test_it_is_published_again_until_its_owner_speaks(
    world: GatewayWorld, store: SubmissionStore, count: int | None
) -> None:
    """As after a crash between the commit and the publication."""
    wish = submission(
        SubmitRequest.model_validate({"spec": spec(), "count": count}),
        id="left-behind",
        workspace="default",
        user="ada",
        at=SystemClock().now(),
        key=bytes(32),
        traceparent="",
    )
    await store.accept(wish, key="k", digest=b"d")
    assert await world.commands() == []
    later = Submitting(store, world.bus, Later())
    await later.publish_due()
    (command,) = await world.commands()
    assert (command.about, getattr(command, "number", None)) == ("left-behind", 1)

    await later.publish_due()
    assert len(await world.commands()) == 1  # not due yet again
    if count is None:
        await world.tell("left-behind", JobPhase.QUEUED, version=1)
        await world.shown("/v1/jobs/left-behind", phase="queued")
        assert await store.due(SystemClock().now() + timedelta(days=1), limit=10) == []


async def test_an_owner_that_has_it_is_asked(world: GatewayWorld, store: SubmissionStore) -> None:
    """Its first events were lost: the same submission again would tell nothing."""
    told = await world.submit()
    for days in (1, 2, 3):
        clock = Later(timedelta(days=days))
        await Submitting(store, world.bus, clock).publish_due()
    restate = (await world.commands())[-1]
    assert isinstance(restate, RestateJob)
    assert restate.id == told["id"]


async def test_a_cancelled_one_does_not_come_to_life_again(
    world: GatewayWorld, store: SubmissionStore
) -> None:
    """The bus loses its end: both commands are gone, and come again, in their order."""
    told = await world.submit()
    assert (await world.http.post(f"{told['ref']}/cancel")).status_code == 202
    await world.owner.js.purge_stream("COMMANDS")
    await Submitting(store, world.bus, Later()).publish_due()
    last = (await world.commands())[-1]
    assert isinstance(last, CancelJob)
    assert last.id == told["id"]
    kinds = [type(one) for one in await world.commands()]
    assert kinds in ([SubmitJob, CancelJob], [CancelJob])  # the bus may still know the first as a duplicate


async def test_no_answer_while_the_bus_is_away(world: GatewayWorld, store: SubmissionStore) -> None:
    class Away:
        async def publish(self, packets: object):
            raise Unavailable("away")

    submitting = Submitting(store, Away(), SystemClock())  # type: ignore[arg-type] # only publishes
    wish = submission(
        SubmitRequest.model_validate({"spec": spec()}),
        id="x",
        workspace="default",
        user="ada",
        at=SystemClock().now(),
        key=bytes(32),
        traceparent="",
    )
    with pytest.raises(Unavailable):
        await submitting.submit(wish, key="k", digest=b"d")
    accepted = await Submitting(store, world.bus, SystemClock()).submit(wish, key="k", digest=b"d")
    assert accepted.number == 1
    assert len(await world.commands()) == 1
