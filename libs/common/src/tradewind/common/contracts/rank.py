"""Wants and saids of ranks: between the jobs controller and the agents. And the grant by which an agent
fetches.
"""

from datetime import datetime
from enum import StrEnum

from tradewind.common.contracts.base import Value
from tradewind.common.contracts.job import RankPhase
from tradewind.common.contracts.registry import Message, Said, Want
from tradewind.common.contracts.values import Fence, Share


class Goal(StrEnum):
    """How far the ranks of an allocation shall go on this node."""

    PREPARE = "prepare"
    """Fetch the workdir, run setup, then wait at the barrier."""
    GO = "go"
    """Run. Includes preparing, where that has not happened."""
    STOP = "stop"
    """End what runs, with grace; keep what it left for the logs."""
    FORGET = "forget"
    """The allocation is over: end what runs, delete its files."""


FORGET_TTL_S = 24 * 3600
"""Longer than any outage after which a node may come back and still hold the ranks."""


class RankWant(Value):
    """One rank that belongs on the node."""

    rank: int
    incarnation: int
    role: str
    role_rank: int
    share: Share


class AllocationWant(Want, name="allocation"):
    """What one node shall run of one job. The highest (attempt, version) is in force."""

    workspace: str
    attempt: int
    version: int
    goal: Goal
    ranks: tuple[RankWant, ...]
    addresses: tuple[str, ...]
    """The address of every rank of the gang, in rank order."""
    job_name: str
    job_number: int
    job_index: int | None = None
    spec_ref: str
    grant: str
    """Signed right to fetch the spec and the blobs of this allocation, on this node."""
    grace_s: float = 15.0
    """Seconds between SIGTERM and SIGKILL."""
    reclaim_at: datetime | None = None
    """With the goal `stop`: a node of the gang is taken away then. The role's `on_reclaim` commands come
    before SIGTERM, and all is over by then.
    """

    @property
    def ttl_s(self) -> int | None:
        """A want that says `forget` is itself forgotten in time, so that the stream does not grow with
        finished jobs.
        """
        return FORGET_TTL_S if self.goal is Goal.FORGET else None


class RankSaid(Said, name="rank"):
    """The level of one rank, as its node sees it. Said on each change, and again whenever a newer want
    arrives.
    """

    fence: Fence
    phase: RankPhase
    exit_code: int | None = None
    """Of an exited rank: 0..255, or 128 + signal."""
    reason: str = ""
    """`setup`, `run`, `fetch`, or why it was stopped."""
    started_at: datetime | None = None
    ended_at: datetime | None = None


class Fetch(Message, name="fetch", noun="grant"):
    """Request of an agent, on `said.<node>.fetch` (core NATS, answered by the gateway): a piece of what a
    grant gives.

    `ref` is the grant's own spec reference, or the sha256 of a blob that the spec names.
    """

    node: str
    grant: str
    ref: str
    offset: int = 0

    @property
    def subject(self) -> str:
        return f"said.{self.node}.fetch"

    @property
    def about(self) -> str:
        return self.ref

    @classmethod
    def subjects(cls) -> str:
        return "said.*.fetch"


class Fetched(Message, name="fetched", noun="grant"):
    """The answer to `Fetch`; the bytes follow this header line (JSON, newline, raw bytes).

    `total` is the whole length in bytes. With `error`, there are no bytes, and asking again helps only if
    `retry`.
    """

    total: int = 0
    error: str = ""
    retry: bool = False

    @property
    def subject(self) -> str:
        return ""

    @property
    def about(self) -> str:
        return ""

    @classmethod
    def subjects(cls) -> str:
        return ""
