"""Bugs of the scheduler: claims, seats, the ledger."""

from typing import Any

import pytest

from bench.mutants.mutant import Mutant
from tradewind.common.contracts.allocation import ClaimPhase
from tradewind.common.contracts.job import JobPhase
from tradewind.common.contracts.node import NodePhase
from tradewind.common.reactor.decision import Decision
from tradewind.scheduler.domain import allocation, capacity, claim
from tradewind.scheduler.domain.ledger import Ledger
from tradewind.scheduler.domain.plan import SchedulerPlanner


def a_seat_is_given_back_twice(patch: pytest.MonkeyPatch) -> None:
    """The ledger takes a share off its node a second time when it is given back."""
    give_back = Ledger._give_back

    def twice(self: Ledger, allocation_id: str, seat: Any) -> None:
        give_back(self, allocation_id, seat)
        if (used := self.used.get(seat.node)) is not None:
            used.cpus -= seat.share.cpus
            used.memory_gib -= seat.share.memory_gib

    patch.setattr(Ledger, "_give_back", twice)


def two_jobs_share_a_device(patch: pytest.MonkeyPatch) -> None:
    """Whoever asks for devices is given the first ones of the node."""
    seat = Ledger._seat

    def first(self: Ledger, given_to: Any, shape: Any, node: Any) -> Any:
        seated = seat(self, given_to, shape, node)
        return seated.but(share=seated.share.but(devices=tuple(range(shape.accelerator_count))))

    patch.setattr(Ledger, "_seat", first)


def a_node_is_filled_beyond_its_room(patch: pytest.MonkeyPatch) -> None:
    """What others have of a node is not looked at."""
    fits = Ledger._fits

    def roomy(self: Ledger, shape: Any, node: Any, *, named: bool) -> bool:
        return fits(Ledger(), shape, node, named=named)

    patch.setattr(Ledger, "_fits", roomy)


def seats_are_free_before_their_ranks_end(patch: pytest.MonkeyPatch) -> None:
    """A job that is being stopped has given its seats back."""
    observe = allocation.observe_job

    def hasty(row: Any, heard: Any, ctx: Any) -> Any:
        job = heard.job
        if row is not None and not row.terminal and job.phase in {JobPhase.CANCELLING, JobPhase.FINISHING}:
            released = row.evolve(phase=allocation.AllocationPhase.RELEASED, seats=(), wake_at=None)
            return Decision(released, (allocation.AllocationReleased.of(released.level),))
        return observe(row, heard, ctx)

    patch.setattr(allocation, "observe_job", hasty)


def an_old_attempt_keeps_its_seats(patch: pytest.MonkeyPatch) -> None:
    """A job that starts anew is given no other seats."""
    observe = allocation.observe_job

    def stubborn(row: Any, heard: Any, ctx: Any) -> Any:
        if row is not None and not row.terminal and heard.job.phase is JobPhase.QUEUED:
            return Decision()
        return observe(row, heard, ctx)

    patch.setattr(allocation, "observe_job", stubborn)


def a_cancel_forgets_the_claim(patch: pytest.MonkeyPatch) -> None:
    """A claim that nobody waits for any more goes on asking for nodes."""
    tend = SchedulerPlanner._tend

    def faithful(self: SchedulerPlanner, row: Any, ctx: Any) -> Any:
        decided = tend(self, row, ctx)
        closed = decided is not None and decided.state is not None and decided.state.terminal
        return None if closed and row.phase is ClaimPhase.OPEN else decided

    patch.setattr(SchedulerPlanner, "_tend", faithful)


def an_idle_claim_never_closes(patch: pytest.MonkeyPatch) -> None:
    """Idle nodes are kept for ever."""
    wake = claim.wake

    def patient(row: Any, ctx: Any, *, idle_grace: Any) -> Any:
        decided = wake(row, ctx, idle_grace=idle_grace)
        return decided if decided.state is None or not decided.state.terminal else Decision()

    patch.setattr(claim, "wake", patient)


def suspicion_counts_as_gone(patch: pytest.MonkeyPatch) -> None:
    """A node whose agent is silent is taken for lost, and its ranks are started again elsewhere."""
    observe = capacity.observe_node

    def hasty(row: Any, heard: Any, ctx: Any) -> Any:
        if row is not None and not row.terminal and heard.node.phase is NodePhase.SUSPECT:
            gone = row.evolve(phase=capacity.CapacityPhase.GONE, wake_at=None)
            return Decision(gone, (capacity.CapacityGone.of(gone.level),))
        return observe(row, heard, ctx)

    patch.setattr(capacity, "observe_node", hasty)


def lost_nodes_break_nothing(patch: pytest.MonkeyPatch) -> None:
    """Nobody is told that the node of a job is gone."""
    patch.setattr(SchedulerPlanner, "_break", lambda self, ctx: iter(()))


def a_draining_node_is_given_away(patch: pytest.MonkeyPatch) -> None:
    """What is told to drain is said to be empty, whoever sits there."""

    def at_once(self: SchedulerPlanner, ctx: Any) -> Any:
        on = self._index.ledger.on
        self._index.ledger.on = lambda node: ()
        try:
            yield from vacate(self, ctx)
        finally:
            self._index.ledger.on = on

    vacate = SchedulerPlanner._vacate
    patch.setattr(SchedulerPlanner, "_vacate", at_once)


def nothing_is_vacated(patch: pytest.MonkeyPatch) -> None:
    """A draining node that is empty is not let go."""
    patch.setattr(SchedulerPlanner, "_vacate", lambda self, ctx: iter(()))


def jobs_of_a_cluster_that_goes_down_stay(patch: pytest.MonkeyPatch) -> None:
    """A named cluster is taken down, and those who sit there are not told."""
    patch.setattr(SchedulerPlanner, "_revoke", lambda self, ctx: iter(()))


def a_claim_asks_once(patch: pytest.MonkeyPatch) -> None:
    """The cluster that was to serve a claim died, and the claim waits for it."""
    patch.setattr(claim, "observe_cluster", lambda row, heard, ctx: Decision())


SLOW_STOPS = "mute=0.02,deaf=0.02"

MUTANTS = (
    Mutant(a_seat_is_given_back_twice),
    Mutant(two_jobs_share_a_device),
    Mutant(a_node_is_filled_beyond_its_room),
    Mutant(seats_are_free_before_their_ranks_end, faults=SLOW_STOPS),
    Mutant(an_old_attempt_keeps_its_seats),
    Mutant(a_cancel_forgets_the_claim),
    Mutant(an_idle_claim_never_closes),
    Mutant(suspicion_counts_as_gone),
    Mutant(lost_nodes_break_nothing),
    Mutant(a_draining_node_is_given_away),
    Mutant(nothing_is_vacated),
    Mutant(jobs_of_a_cluster_that_goes_down_stay),
    Mutant(a_claim_asks_once),
)
