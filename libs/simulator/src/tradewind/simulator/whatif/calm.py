"""The services as they are, but for alarms that only look for what cannot happen here.

Nothing of ours fails in a what-if: no agent falls silent while its machine lives, and no message is lost. The
alarms that ask whether it happened would cost most of the time of a long run and change nothing.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from tradewind.catalog.offers import Offer
from tradewind.common.contracts.grant import Grant
from tradewind.common.contracts.node import NodePhase
from tradewind.common.contracts.placement import NextRound
from tradewind.common.contracts.registry import Message, Want
from tradewind.common.reactor.aggregate import Aggregate
from tradewind.common.reactor.decision import Ctx, Decision
from tradewind.common.reactor.wiring import Wiring
from tradewind.jobs_controller import wiring as jobs_wiring
from tradewind.optimizer import wiring as optimizer_wiring
from tradewind.optimizer.domain.plan import Broker
from tradewind.provisioner import wiring as provisioner_wiring
from tradewind.provisioner.domain import infra as infras
from tradewind.provisioner.domain import node as nodes
from tradewind.provisioner.domain.model import Infra, Node
from tradewind.scheduler import wiring as scheduler_wiring
from tradewind.scheduler.idle_grace import idle_grace

LATER = timedelta(hours=2)

Wake = Callable[[Any, Ctx], Decision[Any]]
Changed = Callable[[str], bool]
"""Whether an infra looks otherwise than when this was asked last."""


def wirings(names: Iterable[str], *, changed: Changed, offers: Sequence[Offer] = ()) -> tuple[Wiring, ...]:
    """Of the four services that decide. `offers` are those of a catalog; an infra brings its own."""
    provisioner = provisioner_wiring.wiring(names)
    own: dict[type[Aggregate], Wake] = {Node: _wake_node, Infra: partial(_wake_infra, changed=changed)}
    return (
        _calm(jobs_wiring.wiring(_unsigned)),
        _calm(scheduler_wiring.wiring(idle_grace())),
        _calm(optimizer_wiring.wiring(Broker(offers))),
        _calm(replace(provisioner, alarms={**provisioner.alarms, **own})),
    )


def _calm(wiring: Wiring) -> Wiring:
    return replace(
        wiring, alarms={kind: partial(_wake, as_written=wake) for kind, wake in wiring.alarms.items()}
    )


def _wake(row: Aggregate, ctx: Ctx, *, as_written: Wake) -> Decision[Any]:
    """What the alarm decides; but if that is nothing, or only to hear again what others are, not so soon."""
    decided = as_written(row, ctx)
    state = decided.state
    if decided.do or not all(map(_asks_again, decided.publish)):
        return decided
    if state is not None and not decided.publish:
        return decided  # it waits for something
    if state is not None and state.but(version=row.version, wake_at=row.wake_at) != row:
        return decided
    return Decision(row.evolve(wake_at=ctx.now + LATER))


def _asks_again(message: Message) -> bool:
    """`Restate…` commands and levels restated; wants and requests for a next list that are there already."""
    return isinstance(message, Want | NextRound) or "restate" in message.type_name


def _wake_node(node: Node, ctx: Ctx) -> Decision[Node]:
    """One that is ready speaks; if its machine ends, its infra says so."""
    if node.phase is NodePhase.READY:
        return Decision(node.evolve(wake_at=ctx.now + LATER))
    return nodes.wake(node.but(heard_at=ctx.now), ctx)


def _wake_infra(infra: Infra, ctx: Ctx, *, changed: Changed) -> Decision[Infra]:
    """Another look at what has not changed would find nothing new."""
    if infra.survey is None and infra.told_at is not None and not changed(infra.id):
        return Decision(infra.evolve(wake_at=ctx.now + infras.EVERY))
    return infras.wake(infra, ctx)


def _unsigned(grant: Grant) -> str:
    """Nobody fetches anything here."""
    return f"{grant.job}/{grant.attempt}/{grant.node}"
