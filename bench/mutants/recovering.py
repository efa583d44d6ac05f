"""Bugs of recovery: replacement of one rank, regions to avoid, races, notices."""

from typing import Any

import pytest

from bench.mutants.mutant import Mutant
from tradewind.agent.domain import reconcile
from tradewind.common.contracts.job import RankPhase
from tradewind.common.contracts.node import DrainNode
from tradewind.common.contracts.values import Recovery
from tradewind.common.reactor.decision import Decision
from tradewind.jobs_controller.domain import decide, settle
from tradewind.jobs_controller.domain.model import Job
from tradewind.optimizer.domain import plan as placing
from tradewind.provisioner.domain import node, plan
from tradewind.scheduler.domain.plan import SchedulerPlanner


def a_rank_is_replaced_before_it_has_ended(patch: pytest.MonkeyPatch) -> None:
    """A rank whose node is to be taken away is seated anew while it still runs there."""
    mend = settle.mend

    def hasty(before: Job, job: Job, ctx: Any, *, sign: Any) -> Any:
        ranks = tuple(
            rank.but(phase=RankPhase.GONE) if rank.lost and not rank.ended else rank for rank in job.ranks
        )
        return mend(before, job.but(ranks=ranks), ctx, sign=sign)

    patch.setattr(settle, "mend", hasty)


def every_rank_is_replaced_alone(patch: pytest.MonkeyPatch) -> None:
    """A rank is started again alone, whatever its role says of its gang."""
    patch.setattr(Job, "replaces", lambda self, rank: True)


def a_lost_region_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    """A job does not know any more in which region it lost its node."""
    patch.setattr(settle, "regions_lost", lambda lost: ())
    patch.setattr(decide, "regions_lost", lambda lost: ())


def who_fails_over_leaves(patch: pytest.MonkeyPatch) -> None:
    """A job that recovers by FAILOVER goes anywhere but where it was, as by EAGER_NEXT_REGION."""
    demand = Job._demand

    def eager(self: Job, shapes: Any, *, lost_in: Any) -> Any:
        summary = self.summary.but(recovery=Recovery.EAGER_NEXT_REGION)
        return demand(self.but(summary=summary), shapes, lost_in=lost_in)

    patch.setattr(Job, "_demand", eager)


def regions_to_avoid_are_taken(patch: pytest.MonkeyPatch) -> None:
    """The optimizer gives the cheapest place first, though it lies where a node has just been lost."""
    ordered = placing._ordered
    patch.setattr(
        placing, "_ordered", lambda ranking, row, *context: ordered(ranking, row.but(avoid=()), *context)
    )


def a_race_keeps_all(patch: pytest.MonkeyPatch) -> None:
    """Of several places that were tried at once, those that lost are kept too."""
    keep = plan.keep

    def greedy(cluster: Any, tried: Any, ctx: Any) -> Any:
        kept = keep(cluster, tried, ctx)
        others = tuple(one for one in cluster.tries if one.intent != tried.intent and one.came)
        state = kept.state.but(tries=(tried, *others)) if kept.state is not None else None
        return Decision(state, tuple(one for one in kept.publish if not isinstance(one, DrainNode)), kept.do)

    patch.setattr(plan, "keep", greedy)


def notices_are_not_passed_on(patch: pytest.MonkeyPatch) -> None:
    """Whoever sits on a node that will be taken away is not told."""
    patch.setattr(SchedulerPlanner, "_give_notice", lambda self, ctx: iter(()))


def notices_are_not_heard(patch: pytest.MonkeyPatch) -> None:
    """The provisioner does not mind that an infra will take a machine away."""
    patch.setattr(node, "observe_reclaim", lambda row, heard, ctx: Decision())
    patch.setattr(node, "notice_reclaim", lambda row, at, ctx: Decision())


def nothing_is_saved(patch: pytest.MonkeyPatch) -> None:
    """A rank whose node will be taken away is stopped at once: its `on_reclaim` commands never run."""
    patch.setattr(reconcile, "_saves_by", lambda rank, want, wanted: None)


ONLY_RECLAIMS = "reclaim=0.01"
ONLY_LOSSES = "reclaim=0.01,node_loss=0.005"
"""Every region has offers, so that nobody has to go back to the one that he lost."""

MUTANTS = (
    Mutant(a_rank_is_replaced_before_it_has_ended, faults="reclaim=0.02,deaf=0.02"),
    Mutant(every_rank_is_replaced_alone),
    Mutant(a_lost_region_is_forgotten, faults=ONLY_LOSSES),
    Mutant(who_fails_over_leaves),
    Mutant(regions_to_avoid_are_taken, faults=ONLY_LOSSES),
    Mutant(a_race_keeps_all, faults="none"),
    Mutant(notices_are_not_passed_on, faults=ONLY_RECLAIMS),
    Mutant(notices_are_not_heard, faults=ONLY_RECLAIMS),
    Mutant(nothing_is_saved, faults="reclaim=0.05"),
)
