"""Everything that the serve controller is. So far it owns nothing: services come with a later release."""

from tradewind.common.reactor.wiring import Wiring


def wiring() -> Wiring:
    return Wiring(service="serve_controller", kinds=(), reactions=(), alarms={})
