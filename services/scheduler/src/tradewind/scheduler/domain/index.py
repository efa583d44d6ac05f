"""What the plan looks at: living rows by what is asked of them. Kept in step with the rows, rebuilt from
them.
"""

from collections.abc import Callable, Iterable, Iterator

from tradewind.common.contracts.allocation import AllocationPhase, CapacityPhase, ClaimPhase
from tradewind.common.contracts.values import Shape
from tradewind.common.reactor.aggregate import Aggregate
from tradewind.scheduler.domain.ledger import Ledger, could_hold
from tradewind.scheduler.domain.model import Allocation, Capacity, Claim
from tradewind.scheduler.domain.queue import WaitingQueue


class Index:
    """Living allocations, claims and nodes; and what changed since the plan last looked."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.queue = WaitingQueue()
        self.allocations: dict[str, Allocation] = {}
        self.claims: dict[str, Claim] = {}
        self._claims_of: dict[str, dict[str, Claim]] = {}
        """By class of demand and id."""
        self.blocked: set[str] = set()
        """Classes of demand that could not be served, and for which nothing has changed since."""
        self.gone: set[str] = set()
        self.noticed: set[str] = set()
        """Nodes that are to be taken away by their infra."""
        self.leaving: set[str] = set()
        self.shut: dict[str, Claim] = {}
        self.touched_claims: set[str] = set()
        self.touched_classes: set[str] = set()
        self._nodes_of: dict[str, set[str]] = {}

    def note(self, row: Aggregate) -> None:
        match row:
            case Allocation():
                self._note_allocation(row)
            case Capacity():
                self._note_capacity(row)
            case Claim():
                self._note_claim(row)
            case _:
                raise TypeError(f"the scheduler has no rows of kind {row.kind}")

    def _note_allocation(self, allocation: Allocation) -> None:
        before = self.allocations.get(allocation.id)
        demand_class = allocation.demand_class
        if self.ledger.note_allocation(allocation):
            self.blocked.clear()
        classes = {demand_class, before.demand_class if before is not None else demand_class}
        waited = {one for one in classes if self.queue.size(one)}
        if self.queue.note(allocation):
            self.blocked.discard(demand_class)
        if any(not self.queue.size(one) for one in waited):
            self.blocked.clear()  # nodes that were kept for this class are there for others now
        if allocation.terminal:
            self.allocations.pop(allocation.id, None)
        else:
            self.allocations[allocation.id] = allocation
        for seat in (*(before.seats if before is not None else ()), *allocation.seats):
            self.leaving.add(seat.node)
            node = self.ledger.nodes.get(seat.node)
            if node is not None:
                self.touched_claims.add(node.claim)
        self.touched_claims.update(claim.id for one in classes for claim in self.claims_of(one))
        if (name := allocation.demand.cluster) is not None:
            self.touched_claims.update(claim.id for claim in self.claims.values() if claim.name == name)
        self.touched_classes.add(demand_class)

    def _note_capacity(self, capacity: Capacity) -> None:
        self.ledger.note_node(capacity)
        self.touched_claims.add(capacity.claim)
        nodes = self._nodes_of.setdefault(capacity.claim, set())
        if capacity.terminal:
            nodes.discard(capacity.id)
            self.gone.add(capacity.id)
        else:
            nodes.add(capacity.id)
            self.leaving.add(capacity.id)
            self.blocked.clear()
            if capacity.reclaim_at is not None:
                self.noticed.add(capacity.id)
        if (claim := self.claims.get(capacity.claim)) is not None:
            self.touched_classes.add(claim.demand_class)

    def _note_claim(self, claim: Claim) -> None:
        if claim.terminal:
            self._claims_of.get(claim.demand_class, {}).pop(claim.id, None)
            if self.claims.pop(claim.id, None) is not None:
                self.shut[claim.id] = claim
        else:
            self.claims[claim.id] = claim
            self._claims_of.setdefault(claim.demand_class, {})[claim.id] = claim
            self.touched_claims.add(claim.id)
        self.touched_classes.add(claim.demand_class)

    def claims_of(self, demand_class: str) -> tuple[Claim, ...]:
        return tuple(self._claims_of.get(demand_class, {}).values())

    def nodes_of(self, claim: Claim) -> list[Capacity]:
        return [self.ledger.nodes[node] for node in sorted(self._nodes_of.get(claim.id, ()))]

    def named(self, allocation: Allocation) -> Claim | None:
        """The named cluster that it is pinned to, if that is there."""
        name = allocation.demand.cluster
        if name is None:
            return None
        mine = (one for one in self.claims.values() if one.workspace == allocation.workspace)
        return next((claim for claim in mine if claim.name == name), None)

    def sitting_on(self, claim: Claim) -> set[str]:
        """The allocations with a seat on its nodes."""
        return {one for node in self.nodes_of(claim) for one in self.ledger.on(node.id)}

    def waiting_for(self, claim: Claim) -> set[str]:
        """The allocations that wait for this named cluster and no other."""
        return {
            one.id
            for one in self.allocations.values()
            if one.phase is AllocationPhase.WAITING
            and one.demand.cluster == claim.name
            and one.workspace == claim.workspace
        }

    def was_chosen_for(self, allocation: Allocation) -> Callable[[Capacity], bool]:
        """Whether a node was chosen for this very demand: then what it is called and where it lies is
        right.
        """
        return lambda node: self.claims[node.claim].demand_class == allocation.demand_class

    def eligible(self, allocation: Allocation) -> Iterator[Capacity]:
        """The nodes on which it may be placed, unless they are too full for its larger ranks. In a region
        that it avoids, only those that were launched for it, because there was no other.
        """
        shape, avoid = allocation.demand.shapes[0], allocation.demand.avoid
        chosen = self.was_chosen_for(allocation)
        for node in self.ledger.open_nodes(allocation.demand.shapes):
            claim = self.claims.get(node.claim)
            if claim is None or claim.workspace != allocation.workspace:
                continue
            if claim.name != allocation.demand.cluster or self._is_kept_for_gang(claim, allocation):
                continue
            kind_will_do = shape.use_spot or not node.place.spot
            if chosen(node) or (
                kind_will_do and _is_in(node, shape) and not (avoid and node.region in avoid)
            ):
                yield node

    def _is_kept_for_gang(self, claim: Claim, allocation: Allocation) -> bool:
        """Nodes that were asked for by a gang that still waits are not given away one by one."""
        return (
            claim.count > 1
            and claim.demand_class != allocation.demand_class
            and claim.name is None
            and self.queue.size(claim.demand_class) > 0
        )

    def is_short_for(self, claim: Claim, allocation: Allocation) -> bool:
        """Whether this named cluster has lost so many nodes that it cannot seat what it once could."""
        nodes, asked = len(self.nodes_of(claim)), len(allocation.demand.shapes)
        return claim.phase is ClaimPhase.SERVED and (not nodes or nodes < asked <= claim.count)

    def is_served_in_vain(self, claim: Claim) -> bool:
        """All of its nodes are there and empty, and still its class waits: they came smaller than asked
        for.
        """
        if claim.phase is not ClaimPhase.SERVED or not self.queue.size(claim.demand_class):
            return False
        empty = [
            node
            for node in self.nodes_of(claim)
            if node.phase is CapacityPhase.OPEN and not self.ledger.on(node.id)
        ]
        return len(empty) >= claim.count

    def why_never(self, claim: Claim, allocation: Allocation) -> str:
        """Why the named cluster, even empty, could not seat the job; nothing where it could."""
        if claim.phase is not ClaimPhase.SERVED or claim.demand_class == allocation.demand_class:
            return ""
        shapes, nodes = allocation.demand.shapes, self.nodes_of(claim)
        if len(nodes) < len(shapes):
            return f"cluster {claim.name} has {len(nodes)} nodes, {len(shapes)} are asked for"
        if not any(_is_in(node, shapes[0]) for node in nodes):
            return f"cluster {claim.name} lies in {nodes[0].place.infra}, not in {shapes[0].infra}"
        roomy = [node for node in nodes if all(could_hold(node.room, shape) for shape in shapes)]
        if len(roomy) < len(shapes):
            return f"cluster {claim.name} can never hold it: its nodes have less than is asked for"
        return ""


def index_of(rows: Iterable[Aggregate]) -> Index:
    index = Index()
    for row in rows:
        index.note(row)
    return index


def _is_in(node: Capacity, shape: Shape) -> bool:
    """Whether the node lies where the shape asks for: `infra[/region[/zone]]`."""
    if shape.infra is None:
        return True
    where = (node.place.infra, node.place.region, node.place.zone)
    return all(asked in ("*", got) for asked, got in zip(shape.infra.split("/"), where, strict=False))
