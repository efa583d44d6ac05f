"""Who hears what, of all services: from this the streams' consumers are made."""

from collections.abc import Sequence

from tradewind.common.bus.streams import Durable
from tradewind.common.reactor.wiring import Wiring
from tradewind.gateway.wiring import HEARS
from tradewind.jobs_controller.wiring import wiring as jobs_controller
from tradewind.optimizer.domain.plan import Broker
from tradewind.optimizer.wiring import wiring as optimizer
from tradewind.provisioner.wiring import wiring as provisioner
from tradewind.scheduler.wiring import wiring as scheduler
from tradewind.serve_controller.wiring import wiring as serve_controller

READERS = tuple(Durable(stream, "gateway", tuple(filters)) for stream, filters in HEARS.items())
"""The gateway keeps a read model, no rows of its own: it has no wiring."""


def wirings() -> Sequence[Wiring]:
    return (
        jobs_controller(lambda grant: ""),  # nothing is signed: only what it hears is asked for
        scheduler(),
        optimizer(Broker(())),
        provisioner(()),
        serve_controller(),
    )
