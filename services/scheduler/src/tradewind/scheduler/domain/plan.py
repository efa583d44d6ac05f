"""The scheduler's choices over many rows, made once a batch: who goes next, onto which nodes, what to ask
for.

Its work grows with what changed: a class of demand that could not be served is not tried again until
something
was given back or came new.
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from tradewind.common.contracts.allocation import (
    AllocationBroken,
    AllocationGranted,
    AllocationLeaving,
    AllocationMending,
    AllocationPhase,
    AllocationRevoked,
    AllocationWaiting,
    CapacityPhase,
    CapacityVacated,
    ClaimOpened,
    ClaimPhase,
    ClaimServed,
)
from tradewind.common.contracts.node import DrainNode
from tradewind.common.contracts.values import Retention
from tradewind.common.reactor.aggregate import Aggregate
from tradewind.common.reactor.decision import Ctx, Decision, became
from tradewind.scheduler.domain.claim import LATER, SOON, closed, open_for
from tradewind.scheduler.domain.index import index_of
from tradewind.scheduler.domain.model import Allocation, Capacity, Claim

Choice = Decision[Allocation] | Decision[Claim] | Decision[Capacity]
Head = tuple[tuple[object, ...], str]
"""Who is first in a class of demand: its rank in the queue, and the class."""

TOLD_ONE_BY_ONE = 50


class SchedulerPlanner:
    """An index of the living rows, and the choices that follow from them."""

    def __init__(self, rows: Iterable[Aggregate], *, idle_grace: timedelta) -> None:
        self._idle_grace = idle_grace
        self._index = index_of(rows)

    def observe(self, changed: Iterable[Aggregate]) -> None:
        for row in changed:
            self._index.note(row)

    def plan(self, ctx: Ctx) -> Sequence[Choice]:
        choices: list[Choice] = []
        for step in (
            self._give_notice,
            self._break,
            self._revoke,
            self._grant,
            self._ask,
            self._vacate,
            self._tend_claims,
            self._explain,
        ):
            for choice in step(ctx):
                if choice.state is not None:
                    self._index.note(choice.state)
                choices.append(choice)
        # What these steps closed was wanted by nobody: whoever names it from now on gets another.
        self._index.shut.clear()
        return choices

    def _give_notice(self, ctx: Ctx) -> Iterator[Decision[Allocation]]:
        """A node is going to be taken away: whoever has a seat there is told when."""
        noticed, self._index.noticed = self._index.noticed, set()
        for node_id in sorted(noticed & self._index.ledger.nodes.keys()):
            leaves_at = self._index.ledger.nodes[node_id].reclaim_at
            for allocation_id in self._index.ledger.on(node_id):
                allocation = self._index.allocations[allocation_id]
                seats = tuple(
                    seat.but(leaves_at=leaves_at) if seat.node == node_id else seat
                    for seat in allocation.seats
                )
                if seats != allocation.seats:
                    leaving = allocation.evolve(seats=seats)
                    yield became(leaving, AllocationLeaving.of(leaving.level))

    def _break(self, ctx: Ctx) -> Iterator[Decision[Allocation]]:
        """A node is gone: whoever had a seat there has lost it."""
        gone, self._index.gone = self._index.gone, set()
        for node in sorted(gone):
            for allocation_id in self._index.ledger.on(node):
                allocation = self._index.allocations[allocation_id]
                if any(seat.node == node and not seat.gone for seat in allocation.seats):
                    seats = tuple(
                        seat.but(gone=True) if seat.node == node else seat for seat in allocation.seats
                    )
                    broken = allocation.evolve(
                        phase=AllocationPhase.BROKEN, reason=f"node {node} is gone", seats=seats
                    )
                    yield became(broken, AllocationBroken.of(broken.level))

    def _revoke(self, ctx: Ctx) -> Iterator[Decision[Allocation]]:
        """A named cluster is taken down: whoever sits there or waits for it must give it up."""
        shut, self._index.shut = self._index.shut, {}
        for claim in (claim for claim in shut.values() if claim.name is not None):
            for allocation_id in sorted(self._index.sitting_on(claim) | self._index.waiting_for(claim)):
                allocation = self._index.allocations[allocation_id]
                if allocation.waits or allocation.phase is AllocationPhase.GRANTED:
                    revoked = allocation.evolve(
                        phase=AllocationPhase.REVOKED, reason=f"cluster {claim.name} was taken down"
                    )
                    yield became(revoked, AllocationRevoked.of(revoked.level))

    def _grant(self, ctx: Ctx) -> Iterator[Decision[Allocation]]:
        """Best first over the heads of all classes. One whose head does not fit is out until something
        changes.
        """
        heads = self._heads()
        while heads:
            _, demand_class = heapq.heappop(heads)
            head = self._index.queue.head(demand_class)
            if head is None:
                continue
            seats = self._index.ledger.seat(
                head,
                self._index.eligible(head),
                chosen_for=self._index.was_chosen_for(head),
            )
            if seats is None:
                self._index.blocked.add(demand_class)
                continue
            granted = head.evolve(
                phase=AllocationPhase.GRANTED,
                reason="",
                seats=tuple(sorted((*head.seats, *seats), key=lambda seat: seat.rank)),
                claim=head.claim or self._index.ledger.nodes[seats[0].node].claim,
                wake_at=ctx.now + LATER,
            )
            yield became(granted, AllocationGranted.of(granted.level))
            following = self._index.queue.head(demand_class)
            if following is not None:
                heapq.heappush(heads, (following.rank_in_queue, demand_class))
            else:
                heads = self._heads()

    def _heads(self) -> list[Head]:
        """A heap of who is first in each class that may be tried."""
        heads: list[Head] = [
            (head.rank_in_queue, demand_class)
            for demand_class in self._index.queue.classes
            if demand_class not in self._index.blocked
            and (head := self._index.queue.head(demand_class)) is not None
        ]
        heapq.heapify(heads)
        return heads

    def _ask(self, ctx: Ctx) -> Iterator[Decision[Claim]]:
        """A class that waits has one unserved claim that asks for its nodes; the whole class shares it.

        Where a claim was served in vain, more of the same would not help: it is given up after its grace, and
        only then another one asks.
        """
        for demand_class in self._index.queue.classes:
            head = self._index.queue.head(demand_class)
            claims = list(self._index.claims_of(demand_class))
            if head is None or any(claim.phase is ClaimPhase.OPEN for claim in claims):
                continue
            named = self._index.named(head)
            if named is None and not any(self._index.is_served_in_vain(claim) for claim in claims):
                yield open_for(head, ctx)
            elif named is not None and self._index.is_short_for(named, head):
                again = named.evolve(
                    phase=ClaimPhase.OPEN,
                    generation=named.generation + 1,
                    wake_at=ctx.now + SOON,
                    idle_since=None,
                )
                yield became(again, ClaimOpened.of(again.level), *self._drains(named))

    def _drains(self, claim: Claim) -> list[DrainNode]:
        """To what is left of a cluster that is launched anew, whole: nobody shall pay for both."""
        empty = (node for node in self._index.nodes_of(claim) if not self._index.ledger.on(node.id))
        return [
            DrainNode(id=node.id, workspace=node.workspace, reason=f"cluster {claim.name} is launched anew")
            for node in empty
        ]

    def _vacate(self, ctx: Ctx) -> Iterator[Decision[Capacity]]:
        """A draining node on which nobody sits any more may go."""
        leaving, self._index.leaving = self._index.leaving, set()
        for node_id in sorted(leaving):
            node = self._index.ledger.nodes.get(node_id)
            if node is None or node.phase is not CapacityPhase.DRAINING:
                continue
            if not self._index.ledger.on(node_id):
                vacated = node.evolve(phase=CapacityPhase.VACATED)
                yield became(vacated, CapacityVacated.of(vacated.level))

    def _tend_claims(self, ctx: Ctx) -> Iterator[Decision[Claim]]:
        """Served, idle, used again, or wanted by nobody; until nothing more follows."""
        while self._index.touched_claims:
            touched, self._index.touched_claims = self._index.touched_claims, set()
            for claim_id in sorted(touched):
                claim = self._index.claims.get(claim_id)
                choice = self._tend(claim, ctx) if claim is not None else None
                if choice is not None:
                    yield choice

    def _tend(self, claim: Claim, ctx: Ctx) -> Decision[Claim] | None:
        nodes = self._index.nodes_of(claim)
        wanted = self._index.queue.size(claim.demand_class) > 0
        if claim.name is not None:
            wanted = bool(self._index.waiting_for(claim))
        if claim.phase is ClaimPhase.OPEN:
            if sum(node.phase is CapacityPhase.OPEN for node in nodes) >= claim.count:
                served = claim.evolve(phase=ClaimPhase.SERVED, reason="", refused="", wake_at=ctx.now + LATER)
                return became(served, ClaimServed.of(served.level))
            # A named cluster, too: nodes that come for nobody would cost somebody.
            return None if wanted else closed(claim)
        if claim.retention is not Retention.JOB:
            return None
        if not nodes:
            return closed(claim)
        empty = not self._index.sitting_on(claim)
        idle = empty and (not wanted or self._index.is_served_in_vain(claim))
        if idle and claim.idle_since is None:
            return Decision(claim.evolve(idle_since=ctx.now, wake_at=ctx.now + self._idle_grace))
        if not idle and claim.idle_since is not None:
            return Decision(claim.evolve(idle_since=None, wake_at=ctx.now + LATER))
        return None

    def _explain(self, ctx: Ctx) -> Iterator[Decision[Allocation]]:
        """Who waits in vain is told why. Not a crowd: its claim says it for all."""
        touched, self._index.touched_classes = self._index.touched_classes, set()
        for demand_class in sorted(touched & self._index.blocked):
            if self._index.queue.size(demand_class) > TOLD_ONE_BY_ONE:
                continue
            for_all = self._why_class_waits(demand_class)
            for allocation in self._index.queue.members(demand_class):
                reason = self._why_never(allocation) or for_all
                if allocation.reason != reason:
                    told = allocation.evolve(reason=reason)
                    mends = told.phase is AllocationPhase.MENDING
                    yield became(told, (AllocationMending if mends else AllocationWaiting).of(told.level))

    def _why_never(self, allocation: Allocation) -> str:
        named = self._index.named(allocation)
        return self._index.why_never(named, allocation) if named is not None else ""

    def _why_class_waits(self, demand_class: str) -> str:
        for claim in self._index.claims_of(demand_class):
            if claim.phase is ClaimPhase.OPEN:
                return claim.why
            if self._index.is_served_in_vain(claim):
                return "the nodes that came have less to give than was asked for; others will be tried"
        return ""
