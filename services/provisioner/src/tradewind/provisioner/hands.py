"""The provisioner's hands: each carries one kind of order to a driver, and reports what came of it.

None looks before it acts again: what they do to an infra is idempotent by the driver's contract, under the
intent's id (a launch) or by itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from tradewind.common.contracts.base import Value
from tradewind.common.contracts.registry import Report
from tradewind.common.contracts.values import Failure, FailureKind, Scope
from tradewind.common.hands import Hand, Transient
from tradewind.common.reactor.decision import Intent
from tradewind.common.reactor.ports import Clock
from tradewind.provisioner.contracts import (
    Instance,
    InstanceState,
    Launched,
    LaunchOrder,
    Looked,
    LookOrder,
    Surveyed,
    SurveyOrder,
    Terminated,
    TerminateOrder,
)
from tradewind.provisioner.domain import orders
from tradewind.provisioner.enrolment import Enrolment
from tradewind.provisioner.infra.driver import Driver, LaunchRefused

Drivers = Mapping[str, Driver]
Order = TypeVar("Order", bound=Value)


class Repeatable:
    """A hand of which another attempt does no harm, and finds by itself what was done."""

    async def look(self, intent: Intent) -> Report | None:
        return None


@dataclass(frozen=True, slots=True)
class SurveyHand(Repeatable):
    drivers: Drivers
    clock: Clock

    async def act(self, intent: Intent) -> Report:
        order = _order(intent, SurveyOrder)
        taken_at = self.clock.now()
        driver = self.drivers.get(order.infra)
        if driver is None:
            why = "this installation has no driver for it"
            return Surveyed(intent=intent.id, target=order.infra, taken_at=taken_at, enabled=False, why=why)
        view = await driver.survey()
        return Surveyed(
            intent=intent.id,
            target=order.infra,
            taken_at=taken_at,
            enabled=view.enabled,
            why=view.why,
            offers=view.offers,
            found=view.found,
            complete=view.enabled and driver.capabilities.authoritative_liveness,
        )


@dataclass(frozen=True, slots=True)
class LaunchHand(Repeatable):
    drivers: Drivers
    enrolment: Enrolment

    async def act(self, intent: Intent) -> Report:
        order = _order(intent, LaunchOrder)
        driver = self.drivers.get(order.place.infra)
        if driver is None:
            return _refused(intent, order, f"this installation has no driver for {order.place.infra}")
        if len(order.nodes) > 1 and not driver.capabilities.multi_node:
            return _refused(
                intent, order, f"{driver.name} launches one node at a time, not {len(order.nodes)}"
            )
        admissions = await self.enrolment.admit(order.nodes)
        try:
            instances = await driver.launch(order, token=intent.id, admissions=admissions)
        except LaunchRefused as refused:
            for node in set(order.nodes) - {instance.node for instance in refused.instances}:
                await self.enrolment.dismiss(node)
            return _launched(intent, order, refused.instances, failure=refused.failure)
        return _launched(intent, order, instances)


@dataclass(frozen=True, slots=True)
class LookHand(Repeatable):
    drivers: Drivers

    async def act(self, intent: Intent) -> Report:
        order = _order(intent, LookOrder)
        driver = self.drivers.get(order.infra)
        if driver is None:
            return Looked(intent=intent.id, target=order.node, state=InstanceState.UNKNOWN)
        sight = await driver.look(order.node, order.instance)
        known = sight.state is not InstanceState.GONE or driver.capabilities.authoritative_liveness
        state = sight.state if known else InstanceState.UNKNOWN
        return Looked(intent=intent.id, target=order.node, state=state, ended_at=sight.ended_at)


@dataclass(frozen=True, slots=True)
class TerminateHand(Repeatable):
    """Ends the machine first, then shuts its agent out: until the end, what it says counts."""

    drivers: Drivers
    enrolment: Enrolment

    async def act(self, intent: Intent) -> Report:
        order = _order(intent, TerminateOrder)
        driver = self.drivers.get(order.infra)
        if driver is None:
            raise Transient(f"this installation has no driver for {order.infra} (any more)")
        ended_at = await driver.terminate(order.node, order.instance)
        await self.enrolment.dismiss(order.node)
        return Terminated(intent=intent.id, target=order.node, ended_at=ended_at)


def hands(drivers: Drivers, *, enrolment: Enrolment, clock: Clock) -> dict[str, Hand]:
    return {
        orders.SURVEY: SurveyHand(drivers, clock),
        orders.LAUNCH: LaunchHand(drivers, enrolment),
        orders.LOOK: LookHand(drivers),
        orders.TERMINATE: TerminateHand(drivers, enrolment),
    }


def _order(intent: Intent, kind: type[Order]) -> Order:
    if not isinstance(intent.payload, kind):
        raise TypeError(
            f"the intent {intent.id} holds a {type(intent.payload).__name__}, not a {kind.__name__}"
        )
    return intent.payload


def _refused(intent: Intent, order: LaunchOrder, why: str) -> Launched:
    failure = Failure(kind=FailureKind.INVALID, scope=Scope.INFRA, message=why)
    return _launched(intent, order, (), failure=failure)


def _launched(
    intent: Intent, order: LaunchOrder, came: tuple[Instance, ...], *, failure: Failure | None = None
) -> Launched:
    infra = order.place.infra
    return Launched(intent=intent.id, target=intent.target, infra=infra, instances=came, failure=failure)
