"""What a node holds of a job, what its body may be told to do, and what the body may answer."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tradewind.common.contracts.job import RankPhase
from tradewind.common.contracts.rank import AllocationWant, Goal, RankSaid
from tradewind.common.contracts.values import Fence


class Stage(StrEnum):
    """How far a rank has come on this node. In the -ING stages its body is at work, else it rests."""

    KNOWN = "known"
    FETCHING = "fetching"
    FETCHED = "fetched"
    SETTING_UP = "setting_up"
    PREPARED = "prepared"
    STARTING = "starting"
    RUNNING = "running"
    ENDED = "ended"


RESTING = frozenset({Stage.KNOWN, Stage.FETCHED, Stage.PREPARED})
"""Nothing of the rank is at work, so that it can be ended by a word."""


@dataclass(frozen=True, slots=True)
class End:
    """How a rank ended: EXITED by itself, or STOPPED because it was not wanted any more."""

    phase: RankPhase
    exit_code: int | None = None
    reason: str = ""
    at: datetime | None = None
    """None if it never started."""


@dataclass(frozen=True, slots=True)
class Rank:
    """One rank as this node knows it."""

    fence: Fence
    stage: Stage = Stage.KNOWN
    started_at: datetime | None = None
    saving: datetime | None = None
    """By when its body was told to let it save its work: its node, or another of its gang, goes then."""
    saved: bool = False
    """It has had its time to save."""
    stopping: str = ""
    """Why its body was told to end it."""
    end: End | None = None
    forgotten: bool = False
    """Its files are gone, or being deleted."""

    @property
    def ended(self) -> bool:
        return self.stage is Stage.ENDED

    @property
    def phase(self) -> RankPhase:
        """What the world is told of it."""
        match self.stage:
            case Stage.PREPARED | Stage.STARTING:
                return RankPhase.PREPARED
            case Stage.RUNNING:
                return RankPhase.RUNNING
            case Stage.ENDED:
                return self.end.phase if self.end is not None else RankPhase.STOPPED
            case _:
                return RankPhase.WANTED


@dataclass(frozen=True, slots=True)
class Holding:
    """What a node holds of one job: the want in force, and every rank it was told of, in their order."""

    node: str
    job: str
    want: AllocationWant | None = None
    ranks: tuple[Rank, ...] = ()

    @property
    def over(self) -> bool:
        """Nothing is left but the memory, which keeps a late copy of an old want from starting it again."""
        return (
            self.want is not None
            and self.want.goal is Goal.FORGET
            and all(rank.forgotten for rank in self.ranks)
        )

    def rank(self, fence: Fence) -> Rank | None:
        return next((rank for rank in self.ranks if rank.fence == fence), None)


@dataclass(frozen=True, slots=True)
class Fetch:
    """Get the spec and the work directory. Answered by Fetched, or by Ended with reason `fetch`."""

    fence: Fence


@dataclass(frozen=True, slots=True)
class Setup:
    """Run the role's setup commands. Answered by Prepared, or by Ended with reason `setup`."""

    fence: Fence


@dataclass(frozen=True, slots=True)
class Start:
    """Run the role's commands. Answered by Started and then Ended, or by Ended alone."""

    fence: Fence


@dataclass(frozen=True, slots=True)
class Save:
    """Run the role's `on_reclaim` commands beside it, so early that a stop with `grace_s` is over `by` then.
    Answered by Saved; told again with another `by`, it is the time that changes.
    """

    fence: Fence
    grace_s: float
    by: datetime


@dataclass(frozen=True, slots=True)
class Stop:
    """End what is at work for the rank: SIGTERM, and SIGKILL `grace_s` seconds later, or sooner if that is
    too late for `by`. Answered by Ended.
    """

    fence: Fence
    grace_s: float
    by: datetime | None = None


@dataclass(frozen=True, slots=True)
class Forget:
    """Delete the rank's files. No answer."""

    fence: Fence


@dataclass(frozen=True, slots=True)
class Say:
    """Tell the world the level of a rank."""

    said: RankSaid


Action = Fetch | Setup | Start | Save | Stop | Forget | Say


@dataclass(frozen=True, slots=True)
class Fetched:
    fence: Fence


@dataclass(frozen=True, slots=True)
class Prepared:
    fence: Fence


@dataclass(frozen=True, slots=True)
class Started:
    fence: Fence
    at: datetime


@dataclass(frozen=True, slots=True)
class Saved:
    """Its `on_reclaim` commands have ended, or their time is up, or it has none."""

    fence: Fence


@dataclass(frozen=True, slots=True)
class Ended:
    """Nothing of the rank is at work any more. `code` is None if no command of it ran to an end."""

    fence: Fence
    at: datetime
    code: int | None
    reason: str
    """`fetch`, `setup`, `run`, or `killed` where nobody saw its exit code."""
    by_itself: bool = False
    """It had ended before its Stop reached it."""


Fact = Fetched | Prepared | Started | Saved | Ended


@dataclass(frozen=True, slots=True)
class Step:
    """What is held now, and what to do about it, in this order."""

    holding: Holding
    actions: tuple[Action, ...] = ()
