"""The optimizer as an app: its reactor, and the query endpoint beside it."""


from tradewind.catalog import Catalog
from tradewind.common.bus.edges import serve_queries
from tradewind.common.contracts.placement import RankOffers
from tradewind.common.runtime.app import App
from tradewind.common.runtime.service import Outside, ServiceApp
from tradewind.common.runtime.settings import Settings
from tradewind.optimizer.domain.plan import Broker
from tradewind.optimizer.wiring import wiring


def app(settings: Settings) -> App:
    broker = Broker(Catalog.load().offers)

    async def queries(outside: Outside) -> None:
        await serve_queries(outside.settings.nats_url, {RankOffers: broker.answer})

    return ServiceApp(wiring(broker), settings, beside=(queries,))


