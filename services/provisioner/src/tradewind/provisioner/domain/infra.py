"""What an infra does about each input: it is looked at every minute, and what has changed is said."""

from datetime import UTC, datetime, timedelta

from tradewind.common.contracts.node import InfraRestated, InfraSurveyed
from tradewind.common.contracts.values import FailureKind
from tradewind.common.reactor.decision import Ctx, Decision, became
from tradewind.provisioner.contracts import Launched, Surveyed
from tradewind.provisioner.domain import orders
from tradewind.provisioner.domain.model import SYSTEM, Infra, Survey

EVERY = timedelta(seconds=60)
ASKED_JUST_NOW = timedelta(seconds=10)
SAID_AGAIN = timedelta(minutes=10)
"""A level that nobody asks for again: whoever missed it hears it then."""
AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)


def seed(name: str) -> Infra:
    """An infra that this installation has a driver for."""
    return Infra(id=name, workspace=SYSTEM, version=1, wake_at=AT_ONCE)


def wake(infra: Infra, ctx: Ctx) -> Decision[Infra]:
    return look_at(infra.evolve(), ctx)


def look_at(infra: Infra, ctx: Ctx) -> Decision[Infra]:
    """`infra` has just evolved, and is to be surveyed."""
    order = orders.survey(infra, ctx)
    return became(infra.but(surveying=order.id, asked_at=ctx.now, wake_at=ctx.now + EVERY), do=(order,))


def ask_in_bulk(infra: Infra, ctx: Ctx) -> Decision[Infra]:
    """Many of its nodes are silent: one survey answers for all of them. They fall silent one after the other,
    so who was asked just now is not asked again.
    """
    if infra.asked_at is not None and ctx.now - infra.asked_at < ASKED_JUST_NOW:
        return Decision()
    return look_at(infra.evolve(), ctx)


def observe_survey(infra: Infra | None, heard: Surveyed, ctx: Ctx) -> Decision[Infra]:
    """Take what was seen. Which machines are too many or missing is the plan's to find."""
    if infra is None:
        return Decision()
    looked = infra.evolve(
        enabled=heard.enabled,
        why=heard.why,
        offers=heard.offers,
        surveying="",
        outdated=False,
        survey=Survey(taken_at=heard.taken_at, found=heard.found, complete=heard.complete),
    )
    again = look_at(looked, ctx) if infra.outdated else Decision(looked)
    return _say(infra, again, ctx)


def observe_launch(infra: Infra | None, heard: Launched, ctx: Ctx) -> Decision[Infra]:
    """A refusal of our credentials is shown to people. That the infra is skipped is its cluster's choice."""
    failure = heard.failure
    if infra is None or (failure is not None and failure.kind is not FailureKind.AUTH):
        return Decision()
    locked = f"it refused a launch: {failure.message}" if failure is not None else ""
    return _say(infra, Decision(infra.evolve(locked=locked)), ctx) if locked != infra.locked else Decision()


def _say(before: Infra, decided: Decision[Infra], ctx: Ctx) -> Decision[Infra]:
    after = decided.state
    if after is None:
        return decided
    same = after.level.but(version=before.version) == before.level
    if same and before.told_at is not None and ctx.now - before.told_at < SAID_AGAIN:
        return decided
    told = after.but(told_at=ctx.now)
    event = InfraRestated.of(told.level) if same else InfraSurveyed.of(told.level)
    return Decision(told, (event,), decided.do)
