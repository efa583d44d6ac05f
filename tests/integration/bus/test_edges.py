"""Questions over the real bus: typed answers, typed refusals, nobody there."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncGenerator

import pytest
from nats.aio.msg import Msg

from tests.integration.contract.bus_contract import PATIENCE_S
from tradewind.common.bus.asking import Declined, ask
from tradewind.common.bus.connection import Connection, connect
from tradewind.common.bus.edges import Endpoint, serve
from tradewind.common.contracts.placement import RankedOffers, RankOffers
from tradewind.common.contracts.values import Shape
from tradewind.common.reactor.ports import Unavailable
from tradewind.local.nats_config import ADMIN
from tradewind.local.nats_server import EmbeddedNats


async def rank(question: RankOffers) -> RankedOffers:
    match question.limit:
        case 0:
            raise Declined("limit is 0: ask for at least one offer")
        case -1:
            raise RuntimeError("a bug, with a secret in it")
        case _:
            return RankedOffers(candidates=(), considered=question.limit, why_none=question.shape.infra or "")


async def ranked(connection: Connection, **asked: object) -> RankedOffers:
    question = RankOffers.model_validate({"shape": {}, **asked})
    return await ask(connection, question, RankedOffers, source="tradewind/test", timeout_s=2)


@pytest.fixture
async def asker(nats_server: EmbeddedNats) -> AsyncGenerator[Connection]:
    connection = await connect(nats_server.url("gateway"), name="asker")
    yield connection
    await connection.close()


@pytest.fixture
async def served(nats_server: EmbeddedNats, asker: Connection) -> AsyncGenerator[None]:
    url = nats_server.url("optimizer")
    serving = asyncio.create_task(serve([Endpoint(RankOffers, rank)], service="optimizer", nats_url=url))
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                await ranked(asker)
                break
            except Unavailable:
                await asyncio.sleep(0.01)
    yield
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


async def test_an_answer(served: None, asker: Connection) -> None:
    answer = await ranked(asker, shape=Shape(infra="aws"), limit=7)
    assert answer == RankedOffers(candidates=(), considered=7, why_none="aws")


async def test_a_question_that_is_declined(served: None, asker: Connection) -> None:
    with pytest.raises(Declined, match="limit is 0: ask for at least one offer"):
        await ranked(asker, limit=0)


async def test_a_bug_of_the_answerer_tells_nothing_and_stops_nothing(served: None, asker: Connection) -> None:
    with pytest.raises(Unavailable, match="optimizer could not answer rank_offers: see its log"):
        await ranked(asker, limit=-1)
    assert (await ranked(asker, limit=3)).considered == 3


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"\xff\xfe", b'{"shape": {"cpus": -1}}', b'{"limit": "x"}']
)
async def test_garbage_is_declined(served: None, asker: Connection, body: bytes) -> None:
    reply = await asker.client.request("qry.optimizer.rank_offers", body, timeout=2)
    assert (reply.headers or {})["tw-error"] == "declined"
    assert reply.data.startswith(b"this is no rank_offers: ")
    assert (await ranked(asker, limit=3)).considered == 3


async def test_an_answer_of_another_kind(nats_server: EmbeddedNats, asker: Connection) -> None:
    other = await connect(nats_server.url(ADMIN), name="other")

    async def answer(msg: Msg) -> None:
        await msg.respond(b'{"a": 1}')

    await other.client.subscribe("qry.optimizer.rank_offers", cb=answer)
    await other.client.flush()
    with pytest.raises(Unavailable, match="something else than ranked_offers: candidates"):
        await ranked(asker)
    await other.close()


async def test_nobody_answers(asker: Connection) -> None:
    with pytest.raises(Unavailable, match="optimizer was asked for rank_offers: nobody answers there"):
        await ranked(asker)


async def test_it_answers_again_after_a_restart_of_the_server(
    served: None, asker: Connection, nats_server: EmbeddedNats
) -> None:
    await nats_server.stop()
    with pytest.raises(Unavailable):
        await ranked(asker)
    await nats_server.start()
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                assert (await ranked(asker, limit=3)).considered == 3
                break
            except Unavailable:
                await asyncio.sleep(0.05)


def test_asking_does_not_import_faststream() -> None:
    code = (
        "import sys\n"
        "import tradewind.common.bus.asking, tradewind.common.bus.nats_bus, tradewind.common.bus.topology\n"
        "print([name for name in sys.modules if name.startswith(('faststream', 'opentelemetry'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
