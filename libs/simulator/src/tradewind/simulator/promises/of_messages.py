"""What was told in events."""

from tradewind.common.contracts.allocation import AllocationPhase, CapacityPhase, ClaimPhase
from tradewind.common.contracts.job import (
    TERMINAL_JOB_PHASES,
    TERMINAL_WORKFLOW_PHASES,
    JobLevel,
)
from tradewind.common.contracts.node import ENDED_NODE_PHASES, ClusterPhase
from tradewind.common.contracts.placement import PlacementPhase
from tradewind.simulator.promises.violation import Broken
from tradewind.simulator.seen import Seen, Told

TERMINAL_PHASES: dict[str, frozenset[str]] = {
    "job": TERMINAL_JOB_PHASES,
    "workflow": TERMINAL_WORKFLOW_PHASES,
    "allocation": frozenset({AllocationPhase.RELEASED}),
    "claim": frozenset({ClaimPhase.CLOSED}),
    "capacity": frozenset({CapacityPhase.GONE}),
    "node": ENDED_NODE_PHASES,
    "cluster": frozenset({ClusterPhase.TERMINATED}),
    "placement": frozenset({PlacementPhase.CLOSED}),
}


def terminal_is_terminal(seen: Seen, told: Told) -> Broken:
    """What has been told to be over never lives again, and never ends in another way."""
    level, before = told.event.level, told.before
    terminal = TERMINAL_PHASES.get(told.event.noun, frozenset())
    if before is None or _phase(before) not in terminal or level.version <= before.version:
        return
    if _phase(level) != _phase(before):
        yield f"{told.event.noun} {level.id} was {_phase(before)} in v{before.version}, now {_phase(level)}"


def versions_never_go_down(seen: Seen, told: Told) -> Broken:
    """In its stream the level of a thing never goes back, but for copies of messages that were there."""
    if told.first and told.before is not None and told.event.level.version < told.before.version:
        level = told.event.level
        yield f"{told.event.noun} {level.id}: v{level.version} comes after v{told.before.version}"


def one_version_is_one_level(seen: Seen, told: Told) -> Broken:
    """The same version of a thing always says the same."""
    level, before = told.event.level, told.before
    if before is not None and before.version == level.version and before != level:
        yield f"{told.event.noun} {level.id} v{level.version} was told in two ways"


def over_means_over(seen: Seen, told: Told) -> Broken:
    """When a job is told to be over, nothing of it runs any more."""
    level = told.event.level
    if told.event.noun == "job" and _phase(level) in TERMINAL_JOB_PHASES and seen.runs[level.id]:
        machine, process = seen.runs[level.id][0]
        yield f"job {level.id} is {_phase(level)}, and {process.fence} lives on {machine.node}"


def no_retry_beyond_what_is_allowed(seen: Seen, told: Told) -> Broken:
    """No job is started again after failures of its own more often than it may be."""
    level = told.event.level
    if isinstance(level, JobLevel) and level.restarts > level.summary.max_restarts:
        allowed = level.summary.max_restarts
        yield f"job {level.id} was started again {level.restarts} times, allowed are {allowed}"


def _phase(level: object) -> str:
    return str(getattr(level, "phase", ""))
