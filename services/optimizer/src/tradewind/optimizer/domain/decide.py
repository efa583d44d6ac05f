"""What a placement does about each input. Which offers it gets is the plan's choice."""

from datetime import timedelta

from tradewind.common.contracts.allocation import ClaimEvent, ClaimPhase, RestateClaim
from tradewind.common.contracts.node import InfraEvent
from tradewind.common.contracts.placement import (
    NextRound,
    PlacementClosed,
    PlacementPhase,
    PlacementRestated,
    RestatePlacement,
)
from tradewind.common.reactor.decision import Ctx, Decision, became
from tradewind.optimizer.domain.model import Market, Placement, Refusal

LATER = timedelta(minutes=10)
FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(minutes=5)
REMEMBERED = timedelta(minutes=10)
"""For so long a refusal counts: capacity comes back, and nobody tells."""


def observe_claim(placement: Placement | None, heard: ClaimEvent, ctx: Ctx) -> Decision[Placement]:
    """An open claim seeks a place; a closed one none any more."""
    claim = heard.claim
    if placement is None:
        if claim.phase is not ClaimPhase.OPEN:
            return Decision()
        return Decision(
            Placement(
                id=claim.id,
                workspace=claim.workspace,
                version=1,
                phase=PlacementPhase.SOUGHT,
                generation=claim.generation,
                shape=claim.shape,
                count=claim.count,
                avoid=claim.avoid,
                prefer=claim.prefer,
                race=claim.race,
                wake_at=ctx.now + LATER,
            )
        )
    if placement.terminal:
        return Decision()
    if claim.phase is ClaimPhase.CLOSED:
        closed = placement.evolve(phase=PlacementPhase.CLOSED, wake_at=None)
        return became(closed, PlacementClosed.of(closed.level))
    if claim.generation > placement.generation:
        return Decision(
            placement.evolve(
                phase=PlacementPhase.SOUGHT,
                generation=claim.generation,
                ranked=(),
                not_before=None,
                wake_at=ctx.now + LATER,
            )
        )
    return Decision()


def next_round(placement: Placement | None, heard: NextRound, ctx: Ctx) -> Decision[Placement]:
    """A list is exhausted. The next one comes after a pause that grows, since capacity rarely comes back at
    once.
    """
    if placement is None or placement.phase is not PlacementPhase.CHOSEN:
        return Decision()
    if (heard.generation, heard.round) != (placement.generation, placement.round):
        return Decision()
    earlier = (one for one in placement.refusals if ctx.now - one.at < REMEMBERED)
    refusals = (*earlier, *(Refusal(attempt=one, at=ctx.now) for one in heard.attempted))
    at = ctx.now + min(FIRST_PAUSE * 2 ** min(placement.round - 1, 10), LONGEST_PAUSE)
    return Decision(
        placement.evolve(phase=PlacementPhase.SOUGHT, refusals=refusals, not_before=at, wake_at=at)
    )


def restate(placement: Placement | None, heard: RestatePlacement, ctx: Ctx) -> Decision[Placement]:
    """Somebody missed it. A claim of which nothing is known here is asked for instead."""
    if placement is None:
        return Decision(publish=(RestateClaim(id=heard.id, workspace=heard.workspace),))
    return Decision(publish=(PlacementRestated.of(placement.level),))


def wake(placement: Placement, ctx: Ctx) -> Decision[Placement]:
    """The pause is over; or nobody called, and the claim may have ended unheard."""
    if placement.phase is PlacementPhase.SOUGHT and placement.not_before is not None:
        return Decision(placement.evolve(not_before=None, wake_at=ctx.now + LATER))
    return Decision(publish=(RestateClaim(id=placement.id, workspace=placement.workspace),))


def observe_infra(market: Market | None, heard: InfraEvent, ctx: Ctx) -> Decision[Market]:
    infra = heard.infra
    if market is None:
        return Decision(
            Market(id=infra.id, workspace=infra.workspace, version=1, infra=infra, wake_at=ctx.now + LATER)
        )
    return Decision(market.evolve(infra=infra, wake_at=ctx.now + LATER))


def wake_market(market: Market, ctx: Ctx) -> Decision[Market]:
    """The provisioner speaks when something changes; nothing to ask."""
    return Decision()
