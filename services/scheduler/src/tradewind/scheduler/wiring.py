"""Everything that the scheduler is: what it hears, and which rule answers."""

from datetime import timedelta
from functools import partial

from tradewind.common.contracts.allocation import CloseClaim, RestateAllocation, RestateCapacity, RestateClaim
from tradewind.common.contracts.job import JobEvent
from tradewind.common.contracts.node import ClusterEvent, NodeEvent
from tradewind.common.contracts.placement import PlacementEvent
from tradewind.common.reactor.wiring import Wiring, on
from tradewind.scheduler.domain import allocation, capacity, claim
from tradewind.scheduler.domain.model import Allocation, Capacity, Claim
from tradewind.scheduler.domain.plan import SchedulerPlanner

IDLE_GRACE = timedelta(seconds=60)
"""How long nodes of a job claim are kept for the next job that fits them."""


def wiring(idle_grace: timedelta = IDLE_GRACE) -> Wiring:
    return Wiring(
        service="scheduler",
        kinds=(Allocation, Claim, Capacity),
        reactions=(
            on(JobEvent, Allocation, key=lambda heard: heard.job.id, decide=allocation.observe_job),
            on(NodeEvent, Capacity, key=lambda heard: heard.node.id, decide=capacity.observe_node),
            on(PlacementEvent, Claim, key=lambda heard: heard.placement.id, decide=claim.observe_placement),
            on(ClusterEvent, Claim, key=lambda heard: heard.cluster.claim, decide=claim.observe_cluster),
            on(CloseClaim, Claim, key=lambda heard: heard.id, decide=claim.close),
            on(RestateAllocation, Allocation, key=lambda heard: heard.id, decide=allocation.restate),
            on(RestateCapacity, Capacity, key=lambda heard: heard.id, decide=capacity.restate),
            on(RestateClaim, Claim, key=lambda heard: heard.id, decide=claim.restate),
        ),
        alarms={
            Allocation: allocation.wake,
            Capacity: capacity.wake,
            Claim: partial(claim.wake, idle_grace=idle_grace),
        },
        planner=partial(SchedulerPlanner, idle_grace=idle_grace),
    )
