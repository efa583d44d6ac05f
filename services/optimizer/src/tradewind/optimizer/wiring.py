"""Everything that the optimizer is: what it hears, and which rule answers."""

from tradewind.common.contracts.allocation import ClaimEvent
from tradewind.common.contracts.node import InfraEvent
from tradewind.common.contracts.placement import NextRound, RestatePlacement
from tradewind.common.reactor.wiring import Wiring, on
from tradewind.optimizer.domain import decide
from tradewind.optimizer.domain.model import Market, Placement
from tradewind.optimizer.domain.plan import Broker


def wiring(broker: Broker) -> Wiring:
    return Wiring(
        service="optimizer",
        kinds=(Placement, Market),
        reactions=(
            on(ClaimEvent, Placement, key=lambda heard: heard.claim.id, decide=decide.observe_claim),
            on(NextRound, Placement, key=lambda heard: heard.id, decide=decide.next_round),
            on(RestatePlacement, Placement, key=lambda heard: heard.id, decide=decide.restate),
            on(InfraEvent, Market, key=lambda heard: heard.infra.id, decide=decide.observe_infra),
        ),
        alarms={Placement: decide.wake, Market: decide.wake_market},
        planner=broker.over,
    )
