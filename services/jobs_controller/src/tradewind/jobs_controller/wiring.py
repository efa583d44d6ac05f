"""Everything that the jobs controller is: what it hears, and which rule answers."""

from functools import partial

from tradewind.common.contracts.allocation import AllocationEvent
from tradewind.common.contracts.job import CancelArray, CancelJob, RestateJob, SubmitArray, SubmitJob
from tradewind.common.contracts.rank import RankSaid
from tradewind.common.reactor.wiring import Wiring, on
from tradewind.jobs_controller.domain import decide, workflow
from tradewind.jobs_controller.domain.model import Job, Workflow
from tradewind.jobs_controller.domain.wants import Sign


def wiring(sign: Sign) -> Wiring:
    """`sign` puts the installation's key under the grants that go out with wants."""
    return Wiring(
        service="jobs_controller",
        kinds=(Job, Workflow),
        reactions=(
            on(SubmitJob, Job, key=lambda heard: heard.id, decide=decide.submit),
            on(CancelJob, Job, key=lambda heard: heard.id, decide=partial(decide.cancel, sign=sign)),
            on(RestateJob, Job, key=lambda heard: heard.id, decide=decide.restate),
            on(
                AllocationEvent,
                Job,
                key=lambda heard: heard.allocation.id,
                decide=partial(decide.observe_allocation, sign=sign),
            ),
            on(
                RankSaid,
                Job,
                key=lambda heard: heard.fence.job,
                decide=partial(decide.observe_rank, sign=sign),
            ),
            on(SubmitArray, Workflow, key=lambda heard: heard.id, decide=workflow.submit_array),
            on(CancelArray, Workflow, key=lambda heard: heard.id, decide=workflow.cancel_array),
        ),
        alarms={Job: partial(decide.wake, sign=sign), Workflow: workflow.wake_workflow},
    )
