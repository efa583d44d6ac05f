"""The optimizer as an app: its reactor, and beside it who answers what an offer would cost."""

from tradewind.catalog import Catalog
from tradewind.common.bus.edges import Endpoint, serve
from tradewind.common.contracts.placement import RankedOffers, RankOffers
from tradewind.common.runtime.app import App
from tradewind.common.runtime.service import Outside, ServiceApp
from tradewind.common.runtime.settings import Settings
from tradewind.optimizer.domain.plan import Broker
from tradewind.optimizer.wiring import wiring


def app(settings: Settings) -> App:
    broker = Broker(Catalog.load().offers)

    async def answer(question: RankOffers) -> RankedOffers:
        return broker.answer(question)

    async def questions(outside: Outside) -> None:
        endpoint = Endpoint(RankOffers, answer)
        await serve([endpoint], service="optimizer", nats_url=outside.settings.nats_url)

    return ServiceApp(wiring(broker), settings, beside=(questions,), knows_enough=broker.has_heard_of_infras)
