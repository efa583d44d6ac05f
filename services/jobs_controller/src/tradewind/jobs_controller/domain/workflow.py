"""What an array of jobs does: it submits its jobs a chunk at a time, and ends them likewise."""

from datetime import timedelta

from tradewind.common.contracts.job import (
    CancelArray,
    CancelJob,
    SubmitArray,
    SubmitJob,
    WorkflowCancelled,
    WorkflowCancelling,
    WorkflowClosed,
    WorkflowExpanded,
    WorkflowExpanding,
    WorkflowPhase,
)
from tradewind.common.reactor.decision import Ctx, Decision, became, derived_id
from tradewind.jobs_controller.domain.model import Workflow

CHUNK = 200
KEPT = timedelta(days=90)


def job_id(workflow: str, index: int) -> str:
    """The id of one job of an array."""
    return derived_id(workflow, index)


def submit_array(workflow: Workflow | None, heard: SubmitArray, ctx: Ctx) -> Decision[Workflow]:
    """The same submission again changes nothing."""
    if workflow is not None:
        return Decision()
    expanding = Workflow(
        id=heard.id,
        workspace=heard.workspace,
        version=1,
        number=heard.number,
        user=heard.user,
        count=heard.count,
        summary=heard.summary,
        spec_ref=heard.spec_ref,
        phase=WorkflowPhase.EXPANDING,
        submitted_at=heard.submitted_at,
        wake_at=ctx.now,
        correlation=heard.id,
    )
    return became(expanding, WorkflowExpanding.of(expanding.level))


def cancel_array(workflow: Workflow | None, heard: CancelArray, ctx: Ctx) -> Decision[Workflow]:
    if workflow is None or workflow.terminal or workflow.phase is WorkflowPhase.CANCELLING:
        return Decision()
    cancelling = workflow.evolve(phase=WorkflowPhase.CANCELLING, wake_at=ctx.now)
    return became(cancelling, WorkflowCancelling.of(cancelling.level))


def wake_workflow(workflow: Workflow, ctx: Ctx) -> Decision[Workflow]:
    """The next chunk. The alarm that follows is due at once, as long as there is more to do."""
    match workflow.phase:
        case WorkflowPhase.EXPANDING:
            return _expand(workflow, ctx)
        case WorkflowPhase.CANCELLING:
            return _cancel(workflow, ctx)
        case _:
            closed = workflow.evolve(phase=WorkflowPhase.CLOSED, wake_at=None)
            return became(closed, WorkflowClosed.of(closed.level))


def _expand(workflow: Workflow, ctx: Ctx) -> Decision[Workflow]:
    upto = min(workflow.expanded + CHUNK, workflow.count)
    submissions = tuple(
        SubmitJob(
            id=job_id(workflow.id, index),
            workspace=workflow.workspace,
            number=workflow.number,
            index=index,
            workflow=workflow.id,
            user=workflow.user,
            summary=workflow.summary,
            spec_ref=workflow.spec_ref,
            submitted_at=workflow.submitted_at,
        )
        for index in range(workflow.expanded, upto)
    )
    if upto < workflow.count:
        return became(workflow.evolve(expanded=upto, wake_at=ctx.now + AT_ONCE), *submissions)
    expanded = workflow.evolve(expanded=upto, phase=WorkflowPhase.EXPANDED, wake_at=ctx.now + KEPT)
    return became(expanded, *submissions, WorkflowExpanded.of(expanded.level))


def _cancel(workflow: Workflow, ctx: Ctx) -> Decision[Workflow]:
    upto = min(workflow.cancelled + CHUNK, workflow.expanded)
    ends = tuple(
        CancelJob(
            id=job_id(workflow.id, index), workspace=workflow.workspace, reason="its array was cancelled"
        )
        for index in range(workflow.cancelled, upto)
    )
    if upto < workflow.expanded:
        return became(workflow.evolve(cancelled=upto, wake_at=ctx.now + AT_ONCE), *ends)
    cancelled = workflow.evolve(cancelled=upto, phase=WorkflowPhase.CANCELLED, wake_at=None)
    return became(cancelled, *ends, WorkflowCancelled.of(cancelled.level))


AT_ONCE = timedelta(milliseconds=1)
"""After what else is waiting: a large array must not keep other jobs from their turn."""
