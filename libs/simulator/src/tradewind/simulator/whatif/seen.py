"""What happened, taken from the rows that the services committed and the processes that ran."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tradewind.common.contracts.allocation import AllocationPhase, ClaimPhase
from tradewind.common.contracts.job import TERMINAL_JOB_PHASES, JobPhase
from tradewind.common.reactor.ports import Batch
from tradewind.jobs_controller.domain.model import Job
from tradewind.provisioner.domain.model import Node
from tradewind.scheduler.domain.model import Allocation, Claim
from tradewind.simulator.machine import Machine, Part, Process
from tradewind.simulator.whatif.workload import Submission

RUNNING = frozenset({JobPhase.RUNNING, JobPhase.FINISHING})


@dataclass(slots=True)
class JobSeen:
    """One job. Times in seconds since the beginning."""

    submission: Submission
    phase: JobPhase | None = None
    since_s: float = 0.0
    """When it came into that phase."""
    first_run_s: float | None = None
    ended_s: float | None = None
    waited_s: float = 0.0
    """Until its first run."""
    ran_s: float = 0.0
    recovered_s: float = 0.0
    """From the end of one run to the beginning of the next."""
    attempts: int = 0
    incarnations: int = 0
    """Of its present attempt: how often one of its ranks was started again alone."""
    replaced: int = 0
    """The same of earlier attempts."""
    why: str = ""
    """Why it waits, or failed."""
    nodes: tuple[str, ...] = ()
    """Under the ranks of its present attempt."""
    places: list[str] = field(default_factory=list[str])
    """Where its attempts sat, in their order."""

    @property
    def recoveries(self) -> int:
        return max(self.attempts - 1, 0) + self.replaced + self.incarnations

    @property
    def over(self) -> bool:
        return self.phase in TERMINAL_JOB_PHASES

    def let_pass(self, now: float) -> None:
        """Count the time since it was last looked at."""
        if self.phase is None or self.over:
            return
        spent = now - self.since_s
        if self.phase in RUNNING:
            self.ran_s += spent
        elif self.first_run_s is None:
            self.waited_s += spent
        else:
            self.recovered_s += spent
        self.since_s = now


@dataclass(frozen=True, slots=True)
class Load:
    """From this moment on so much of the machines was at work, and so many jobs waited."""

    at_s: float
    busy: float
    """Machines' worth: two half-used ones are one."""
    running: int
    waiting: int


class Seen:
    def __init__(
        self, submissions: dict[str, Submission], *, now: Callable[[], float], job_ended: Callable[[], None]
    ) -> None:
        self._now = now
        self._job_ended = job_ended
        self.jobs = {job: JobSeen(one) for job, one in submissions.items()}
        self.nodes: dict[str, Node] = {}
        self.loads: list[Load] = []
        self.moved_at = 0.0
        """When a job last moved on, or a node came or went."""
        self.phases: Counter[JobPhase] = Counter()
        self.living_nodes = 0
        self._busy = 0.0
        self._classes: dict[str, str] = {}
        """By job, what it asks for; those that ask for the same wait for the same."""
        self._reasons: dict[str, str] = {}

    def why(self, job: str) -> str:
        """Why it waits, or failed. Of a crowd that asks for the same, only their claim says it."""
        seen = self.jobs[job]
        if seen.phase is None or seen.over or seen.phase in RUNNING:
            return seen.why
        return seen.why or self._reasons.get(self._classes.get(job, ""), "")

    @property
    def over(self) -> int:
        return sum(self.phases[phase] for phase in TERMINAL_JOB_PHASES)

    @property
    def waiting(self) -> int:
        """Submitted, and neither under way nor over."""
        return self.phases[JobPhase.QUEUED] + self.phases[JobPhase.RECOVERING]

    def note(self, batch: Batch) -> None:
        """A service has committed."""
        for row in (*batch.created, *(row for row, _ in batch.updated)):
            match row:
                case Job():
                    self._note_job(row)
                case Node():
                    self._note_node(row)
                case Allocation(phase=AllocationPhase.WAITING):
                    self.jobs[row.id].why = row.reason or self.jobs[row.id].why
                    self._classes[row.id] = row.demand_class
                case Claim(phase=ClaimPhase.OPEN):
                    self._reasons[row.demand_class] = row.why
                case _:
                    pass

    def process_began(self, machine: Machine, process: Process) -> None:
        self._use(_part_of(machine, process))

    def process_ended(self, machine: Machine, process: Process) -> None:
        self._use(-_part_of(machine, process))

    def _note_job(self, job: Job) -> None:
        seen, now = self.jobs[job.id], self._now()
        if seen.attempts != job.attempt:
            seen.replaced += seen.incarnations
        seen.attempts, seen.nodes = job.attempt, job.nodes
        seen.incarnations = sum(rank.incarnation for rank in job.ranks)
        if job.phase is seen.phase:
            return
        seen.let_pass(now)
        if seen.phase is not None:
            self.phases[seen.phase] -= 1
        self.phases[job.phase] += 1
        seen.phase, seen.since_s = job.phase, now
        if job.phase is JobPhase.STARTING:
            seen.places.append(self._where(job))
        if job.phase is JobPhase.RUNNING:
            seen.why = ""
            seen.first_run_s = now if seen.first_run_s is None else seen.first_run_s
        if seen.over:
            seen.ended_s = now
            seen.why = job.reason if job.phase is JobPhase.FAILED else ""
            self._job_ended()
        self._moved()

    def _where(self, job: Job) -> str:
        node = self.nodes.get(job.ranks[0].node) if job.ranks else None
        return str(node.place) if node is not None else ""

    def _note_node(self, node: Node) -> None:
        before = self.nodes.get(node.id)
        self.nodes[node.id] = node
        lived = before is not None and not before.terminal
        self.living_nodes += (not node.terminal) - lived
        if before is None or before.phase is not node.phase:
            self._moved()

    def _moved(self) -> None:
        self.moved_at = self._now()
        self._add_load()

    def _use(self, part: float) -> None:
        self._busy += part
        self._add_load()

    def _add_load(self) -> None:
        running = self.phases[JobPhase.RUNNING]
        now = self._load(running)
        if self.loads and self.loads[-1].at_s == now.at_s:
            self.loads[-1] = now
        else:
            self.loads.append(now)

    def _load(self, running: int) -> Load:
        return Load(self._now(), max(round(self._busy, 9), 0.0), running, self.waiting)


def _part_of(machine: Machine, process: Process) -> float:
    """How much of its machine a run takes: of what the machine is bought for. Setup is no work."""
    if process.part is not Part.RUN:
        return 0.0
    room, share = machine.room, process.share
    if room.accelerator_count:
        return len(share.devices) / room.accelerator_count
    return share.cpus / room.cpus if room.cpus else 0.0
