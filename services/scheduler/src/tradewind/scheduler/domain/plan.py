"""The scheduler's choices over many rows, made once a batch: who goes next, onto which nodes, and what to
ask for.

Its work grows with what changed: a class of demand that could not be served is not tried again until
something was
given back or came new.
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from tradewind.common.contracts.allocation import (
    AllocationBroken,
    AllocationGranted,
    AllocationPhase,
    AllocationRevoked,
    AllocationWaiting,
    CapacityPhase,
    CapacityVacated,
    ClaimOpened,
    ClaimPhase,
    ClaimServed,
)
from tradewind.common.contracts.values import Retention, Shape
from tradewind.common.reactor.aggregate import Aggregate
from tradewind.common.reactor.decision import Ctx, Decision, became
from tradewind.scheduler.domain.claim import LATER, SOON, closed, open_for
from tradewind.scheduler.domain.ledger import Ledger
from tradewind.scheduler.domain.model import Allocation, Capacity, Claim
from tradewind.scheduler.domain.queue import WaitingQueue

TOLD_ONE_BY_ONE = 50

Choice = Decision[Allocation] | Decision[Claim] | Decision[Capacity]


class SchedulerPlanner:
    """An index of the living rows, and the choices that follow from them."""

    def __init__(self, rows: Iterable[Aggregate], *, idle_grace: timedelta) -> None:
        self._idle_grace = idle_grace
        self._ledger = Ledger()
        self._queue = WaitingQueue()
        self._allocations: dict[str, Allocation] = {}
        self._claims: dict[str, Claim] = {}
        self._nodes_of: dict[str, set[str]] = {}
        self._blocked: set[str] = set()
        self._gone: set[str] = set()
        self._leaving: set[str] = set()
        self._touched_claims: set[str] = set()
        self._shut: dict[str, Claim] = {}
        self.observe(rows)

    def observe(self, changed: Iterable[Aggregate]) -> None:
        for row in changed:
            match row:
                case Allocation():
                    self._note_allocation(row)
                case Capacity():
                    self._note_capacity(row)
                case Claim():
                    self._note_claim(row)
                case _:
                    raise TypeError(f"the scheduler has no rows of kind {row.kind}")

    def plan(self, ctx: Ctx) -> Sequence[Choice]:
        choices: list[Choice] = []
        for step in (
            self._break,
            self._revoke,
            self._grant,
            self._ask,
            self._explain,
            self._vacate,
            self._tend_claims,
        ):
            for choice in step(ctx):
                if choice.state is not None:
                    self.observe((choice.state,))
                choices.append(choice)
        return choices

    def _note_allocation(self, allocation: Allocation) -> None:
        before = self._allocations.get(allocation.id)
        if self._ledger.note_allocation(allocation):
            self._blocked.clear()
        waited = self._queue.size(allocation.demand_class)
        if self._queue.note(allocation):
            self._blocked.discard(allocation.demand_class)
        if waited and not self._queue.size(allocation.demand_class):
            self._blocked.clear()  # nodes that were kept for this class are there for others now
        if allocation.terminal:
            self._allocations.pop(allocation.id, None)
        else:
            self._allocations[allocation.id] = allocation
        for seat in (*(before.seats if before is not None else ()), *allocation.seats):
            self._leaving.add(seat.node)
            node = self._ledger.nodes.get(seat.node)
            if node is not None:
                self._touched_claims.add(node.claim)
        self._touched_claims.update(
            claim.id for claim in self._claims.values() if claim.demand_class == allocation.demand_class
        )

    def _note_capacity(self, capacity: Capacity) -> None:
        self._ledger.note_node(capacity)
        self._touched_claims.add(capacity.claim)
        nodes = self._nodes_of.setdefault(capacity.claim, set())
        if capacity.terminal:
            nodes.discard(capacity.id)
            self._gone.add(capacity.id)
        else:
            nodes.add(capacity.id)
            self._leaving.add(capacity.id)
            self._blocked.clear()

    def _note_claim(self, claim: Claim) -> None:
        if claim.terminal:
            if self._claims.pop(claim.id, None) is not None:
                self._shut[claim.id] = claim
        else:
            self._claims[claim.id] = claim
            self._touched_claims.add(claim.id)

    def _break(self, ctx: Ctx) -> Iterator[Decision[Allocation]]:
        """A node is gone: whoever had a seat there has lost it."""
        for node in sorted(self._gone):
            for allocation_id in self._ledger.on(node):
                allocation = self._allocations[allocation_id]
                if any(seat.node == node and not seat.gone for seat in allocation.seats):
                    seats = tuple(
                        seat.but(gone=True) if seat.node == node else seat for seat in allocation.seats
                    )
                    broken = allocation.evolve(
                        phase=AllocationPhase.BROKEN, reason=f"node {node} is gone", seats=seats
                    )
                    yield became(broken, AllocationBroken.of(broken.level))
        self._gone.clear()

    def _revoke(self, ctx: Ctx) -> Iterator[Decision[Allocation]]:
        """A named cluster is taken down: whoever sits there or waits for it must give it up."""
        for claim in self._shut.values():
            if claim.name is None:
                continue
            sitting = {one for node in self._nodes_of.get(claim.id, ()) for one in self._ledger.on(node)}
            waiting = {one.id for one in self._allocations.values() if self._waits_for(one, claim)}
            for allocation_id in sorted(sitting | waiting):
                allocation = self._allocations[allocation_id]
                if allocation.phase in {AllocationPhase.WAITING, AllocationPhase.GRANTED}:
                    revoked = allocation.evolve(
                        phase=AllocationPhase.REVOKED, reason=f"cluster {claim.name} was taken down"
                    )
                    yield became(revoked, AllocationRevoked.of(revoked.level))
        self._shut.clear()

    def _waits_for(self, allocation: Allocation, claim: Claim) -> bool:
        return (
            allocation.phase is AllocationPhase.WAITING
            and allocation.demand.cluster == claim.name
            and allocation.workspace == claim.workspace
        )

    def _grant(self, ctx: Ctx) -> Iterator[Decision[Allocation]]:
        """Best first over the heads of all classes; a class whose head does not fit is out until something
        changes.
        """
        heads = self._heads()
        while heads:
            _, demand_class = heapq.heappop(heads)
            head = self._queue.head(demand_class)
            if head is None:
                continue
            seats = self._ledger.seat(head.demand.shapes, self._eligible(head))
            if seats is None:
                self._blocked.add(demand_class)
                continue
            granted = head.evolve(
                phase=AllocationPhase.GRANTED,
                reason="",
                seats=seats,
                claim=self._ledger.nodes[seats[0].node].claim,
                wake_at=ctx.now + LATER,
            )
            yield became(granted, AllocationGranted.of(granted.level))
            following = self._queue.head(demand_class)
            if following is not None:
                heapq.heappush(heads, (following.rank_in_queue, demand_class))
            else:
                heads = self._heads()

    def _heads(self) -> list[tuple[tuple[object, ...], str]]:
        """A heap of who is first in each class that may be tried."""
        heads = [
            (head.rank_in_queue, demand_class)
            for demand_class in self._queue.classes
            if demand_class not in self._blocked and (head := self._queue.head(demand_class)) is not None
        ]
        heapq.heapify(heads)
        return heads

    def _eligible(self, allocation: Allocation) -> Iterator[Capacity]:
        shape = allocation.demand.shapes[0]
        for node in self._ledger.open_nodes():
            claim = self._claims.get(node.claim)
            if claim is None or claim.workspace != allocation.workspace:
                continue
            if claim.name != allocation.demand.cluster:
                continue
            if not _is_in(node, shape) or (node.place.spot and not shape.use_spot):
                continue
            if self._kept_for_gang(claim, allocation):
                continue
            yield node

    def _kept_for_gang(self, claim: Claim, allocation: Allocation) -> bool:
        """Nodes that were asked for by a gang that still waits are not given away one by one."""
        return (
            claim.count > 1
            and claim.demand_class != allocation.demand_class
            and claim.name is None
            and self._queue.size(claim.demand_class) > 0
        )

    def _ask(self, ctx: Ctx) -> Iterator[Decision[Claim]]:
        """A class that waits has one unserved claim that asks for its nodes; the whole class shares it."""
        asking = {claim.demand_class for claim in self._claims.values() if claim.phase is ClaimPhase.OPEN}
        names = {
            (claim.workspace, claim.name): claim for claim in self._claims.values() if claim.name is not None
        }
        for demand_class in self._queue.classes:
            head = self._queue.head(demand_class)
            if head is None or demand_class in asking:
                continue
            named = names.get((head.workspace, head.demand.cluster)) if head.demand.cluster else None
            if named is None:
                opened = open_for(head, ctx)
                if opened.state is not None and opened.state.name is not None:
                    names[opened.state.workspace, opened.state.name] = opened.state
                yield opened
            elif named.phase is ClaimPhase.SERVED and not self._nodes_of.get(named.id):
                again = named.evolve(
                    phase=ClaimPhase.OPEN,
                    generation=named.generation + 1,
                    wake_at=ctx.now + SOON,
                    idle_since=None,
                )
                yield became(again, ClaimOpened.of(again.level))

    def _explain(self, ctx: Ctx) -> Iterator[Decision[Allocation]]:
        """Who waits for a claim that nothing can serve is told why. Not a crowd: its claim says it for all."""
        for claim_id in sorted(self._touched_claims):
            claim = self._claims.get(claim_id)
            if claim is None or claim.phase is not ClaimPhase.OPEN:
                continue
            if self._queue.size(claim.demand_class) > TOLD_ONE_BY_ONE:
                continue
            for allocation in self._queue.members(claim.demand_class):
                if allocation.reason != claim.reason:
                    told = allocation.evolve(reason=claim.reason)
                    yield became(told, AllocationWaiting.of(told.level))

    def _vacate(self, ctx: Ctx) -> Iterator[Decision[Capacity]]:
        """A draining node on which nobody sits any more may go."""
        for node_id in sorted(self._leaving):
            node = self._ledger.nodes.get(node_id)
            if node is not None and node.phase is CapacityPhase.DRAINING and not self._ledger.on(node_id):
                vacated = node.evolve(phase=CapacityPhase.VACATED)
                yield became(vacated, CapacityVacated.of(vacated.level))
        self._leaving.clear()

    def _tend_claims(self, ctx: Ctx) -> Iterator[Decision[Claim]]:
        """Served, idle, used again, or wanted by nobody."""
        touched, self._touched_claims = self._touched_claims, set()
        for claim_id in sorted(touched):
            claim = self._claims.get(claim_id)
            choice = self._tend(claim, ctx) if claim is not None else None
            if choice is not None:
                yield choice

    def _tend(self, claim: Claim, ctx: Ctx) -> Decision[Claim] | None:
        nodes = [self._ledger.nodes[node] for node in self._nodes_of.get(claim.id, ())]
        wanted = self._queue.size(claim.demand_class) > 0
        if claim.phase is ClaimPhase.OPEN:
            if sum(node.phase is CapacityPhase.OPEN for node in nodes) >= claim.count:
                served = claim.evolve(phase=ClaimPhase.SERVED, reason="", wake_at=ctx.now + LATER)
                return became(served, ClaimServed.of(served.level))
            if not wanted and claim.retention is Retention.JOB:
                return closed(claim)
            return None
        if claim.retention is not Retention.JOB:
            return None
        if not nodes:
            return closed(claim)
        idle = not any(self._ledger.on(node.id) for node in nodes) and not wanted
        if idle and claim.idle_since is None:
            return Decision(claim.evolve(idle_since=ctx.now, wake_at=ctx.now + self._idle_grace))
        if not idle and claim.idle_since is not None:
            return Decision(claim.evolve(idle_since=None, wake_at=ctx.now + LATER))
        return None


def _is_in(node: Capacity, shape: Shape) -> bool:
    """Whether the node lies where the shape asks for: `infra[/region[/zone]]`."""
    if shape.infra is None:
        return True
    where = (node.place.infra, node.place.region, node.place.zone)
    return all(asked in ("*", got) for asked, got in zip(shape.infra.split("/"), where, strict=False))
