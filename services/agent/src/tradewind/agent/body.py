"""Does what the domain decided for the ranks of a node, and tells it what came of it.

Each rank has at most one thing at work: a fetch, or the session of its setup or run commands. Stopping
either leads to its one answer, `Ended`.
"""

import asyncio
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tradewind.agent import launch
from tradewind.agent.domain import notice
from tradewind.agent.domain.environment import environment, inherited, role_of
from tradewind.agent.domain.model import (
    Ended,
    Fact,
    Fetched,
    Prepared,
    Rank,
    Saved,
    Stage,
    Started,
)
from tradewind.agent.fetching import Fetcher, FetchRefused
from tradewind.agent.launch import KILLED, Launch
from tradewind.agent.leftovers import Leftovers
from tradewind.agent.log_shipper import LogShipper
from tradewind.agent.rank_folder import Part, RankFolders
from tradewind.agent.saving import Saving
from tradewind.agent.session import Session
from tradewind.agent.tasks import Failed, Tasks, cancel
from tradewind.agent.workdir import BadTar, unpack
from tradewind.common.contracts.node_file import NodeFile
from tradewind.common.contracts.rank import AllocationWant, RankWant
from tradewind.common.contracts.values import Fence

CANNOT_START = 126
"""As a shell tells that a command was found and could not be run."""


class Body:
    def __init__(
        self,
        *,
        node: NodeFile,
        shim: Path,
        folders: RankFolders,
        fetcher: Fetcher,
        shipper: LogShipper,
        tell: Callable[[Fact], None],
        failed: Failed,
    ) -> None:
        """`tell` hears what came of things."""
        self._node = node
        self._shim = shim
        self._folders = folders
        self._fetcher = fetcher
        self._shipper = shipper
        self._leftovers = Leftovers()
        self._tell = tell
        self._inherited = inherited(os.environ)
        self._fetches: dict[Fence, asyncio.Task[None]] = {}
        self._sessions: dict[Fence, Session] = {}
        self._savings: dict[Fence, Saving] = {}
        self._stopping: set[Fence] = set()
        self._tasks = Tasks(failed)

    def fetch(self, fence: Fence, want: AllocationWant) -> None:
        task = self._fetches[fence] = self._tasks.spawn(self._fetch(fence, want))
        task.add_done_callback(lambda _: self._on_fetch_over(fence, task))

    def setup(self, fence: Fence, want: AllocationWant) -> None:
        self._launch(fence, want, Part.SETUP)

    def start(self, fence: Fence, want: AllocationWant) -> None:
        self._launch(fence, want, Part.RUN)

    def save(self, fence: Fence, want: AllocationWant, *, left_s: float) -> None:
        """`left_s` seconds before the node is taken away."""
        within_s = notice.saving_s(want.grace_s, left_s)
        saving = self._savings.get(fence)
        if saving is None and (begun := self._begin_saving(fence, want, left_s=left_s, within_s=within_s)):
            saving = self._watch_saving(fence, begun)
        if saving is None:
            self._tell(Saved(fence))
        else:
            saving.limit(within_s, grace_s=notice.grace_s(want.grace_s, left_s - within_s))

    def stop(self, fence: Fence, *, grace_s: float) -> None:
        self._stopping.add(fence)
        if (saving := self._savings.get(fence)) is not None:
            saving.stop(grace_s=grace_s)
        if (session := self._sessions.get(fence)) is not None:
            if session.launch.exit_code() is None:
                session.launch.folder.begin_stop()
            self._tasks.spawn(session.stop(grace_s=grace_s))
        elif (fetch := self._fetches.get(fence)) is not None:
            self._tasks.spawn(cancel([fetch]))

    def forget(self, fence: Fence) -> None:
        self._tasks.spawn(self._forget(fence))

    def recover(self, fence: Fence) -> Rank:
        """What is there of a rank whose end was not said yet. What is at work is watched from now on."""
        folder = self._folders.of(fence)
        if folder.is_stopping:
            self._stopping.add(fence)
        if (run := launch.recover(folder, Part.RUN)) is not None:
            self._watch(fence, run)
            if (hook := launch.recover(folder, Part.ON_RECLAIM)) is not None:
                self._watch_saving(fence, hook)
            return Rank(fence, Stage.RUNNING, started_at=run.begun_at(), saved=folder.is_stopping)
        if (setup := launch.recover(folder, Part.SETUP)) is not None:
            self._watch(fence, setup)
            return Rank(fence, Stage.SETTING_UP)
        return Rank(fence, Stage.FETCHED if folder.is_fetched else Stage.KNOWN)

    async def close(self) -> None:
        """Let go of everything. What runs, runs on."""
        await self._tasks.close()

    async def _fetch(self, fence: Fence, want: AllocationWant) -> None:
        folder = self._folders.of(fence)
        try:
            folder.make()
            spec = await self._fetcher.spec(want)
            role = role_of(spec, _rank_of(want, fence))
            if spec.workdir is not None:
                await unpack(await self._fetcher.blob(want, spec.workdir), folder.workdir)
            folder.keep(spec, role)
        except (FetchRefused, BadTar, LookupError, OSError) as why:
            del self._fetches[fence]  # a stop finds it ended
            await self._refuse(fence, str(why), code=1, reason="fetch")
        else:
            self._tell(Fetched(fence))

    def _on_fetch_over(self, fence: Fence, task: asyncio.Task[None]) -> None:
        self._fetches.pop(fence, None)
        if task.cancelled() and fence in self._stopping:  # perhaps before it had begun
            self._end(fence, None, "fetch")

    def _launch(self, fence: Fence, want: AllocationWant, part: Part) -> None:
        folder = self._folders.of(fence)
        if not folder.script(part).exists():
            self._skip(fence, part)
            return
        try:
            begun = self._begin(fence, want, part)
        except OSError as error:
            why = f"the {part} commands cannot be started: {error}"
            self._tasks.spawn(self._refuse(fence, why, code=CANNOT_START, reason=part))
            return
        self._watch(fence, begun)
        if part is Part.RUN:
            self._tell(Started(fence, datetime.now(UTC)))

    def _begin(
        self, fence: Fence, want: AllocationWant, part: Part, *, reclaim_at: datetime | None = None
    ) -> Launch:
        """Raises OSError."""
        folder = self._folders.of(fence)
        environ = environment(
            want=want,
            rank=_rank_of(want, fence),
            fence=fence,
            spec=folder.spec(),
            address=self._node.address,
            setup=part is Part.SETUP,
            reclaim_at=reclaim_at,
        )
        return launch.begin(folder, part, shim=self._shim, environ={**self._inherited, **environ})

    def _begin_saving(
        self, fence: Fence, want: AllocationWant, *, left_s: float, within_s: float
    ) -> Launch | None:
        """None if there is nothing to run, or nothing to save, or no time."""
        folder, due = self._folders.of(fence), f"to be reclaimed in {max(left_s, 0):.0f} s"
        if fence not in self._sessions or not folder.script(Part.ON_RECLAIM).exists():
            folder.note(due)
            return None
        if within_s == 0:
            folder.note(f"{due}: too late for on_reclaim")
            return None
        folder.note(f"{due}: on_reclaim may take {within_s:.0f} s")
        # By this machine's clock, as the commands have no other one to compare it with.
        at = datetime.now(UTC) + timedelta(seconds=left_s)
        try:
            return self._begin(fence, want, Part.ON_RECLAIM, reclaim_at=at)
        except OSError as error:
            folder.note(f"on_reclaim cannot be started: {error}")
            return None

    def _skip(self, fence: Fence, part: Part) -> None:
        """The role has no such commands."""
        if part is Part.SETUP:
            self._tell(Prepared(fence))
        else:
            self._tell(Started(fence, datetime.now(UTC)))
            self._end(fence, 0, part, by_itself=True)

    def _watch(self, fence: Fence, begun: Launch) -> None:
        self._shipper.follow(fence, begun.folder)
        session = self._sessions[fence] = Session(begun, fence=str(fence))
        self._tasks.spawn(self._until_ended(fence, session))

    def _watch_saving(self, fence: Fence, begun: Launch) -> Saving:
        saving = self._savings[fence] = Saving(
            Session(begun, fence=str(fence)),
            tasks=self._tasks,
            note=begun.folder.note,
            saved=lambda: self._tell(Saved(fence)),
        )
        return saving

    async def _until_ended(self, fence: Fence, session: Session) -> None:
        code = await session.ended()
        by_itself = fence not in self._stopping
        del self._sessions[fence]
        if (saving := self._savings.get(fence)) is not None:
            await saving.over()  # perhaps it copies what the task has just written
            del self._savings[fence]
        if session.launch.part is Part.SETUP and code == 0 and by_itself:
            self._tell(Prepared(fence))
            return
        await self._shipper.drain(fence)
        reason = session.launch.part.value if code is not None else "killed"
        self._end(
            fence,
            code if code is not None else KILLED,
            reason,
            at=session.launch.ended_at(),
            by_itself=by_itself,
        )

    async def _refuse(self, fence: Fence, why: str, *, code: int, reason: str) -> None:
        """It cannot go on, and its log says why."""
        folder = self._folders.of(fence)
        folder.note(why)
        self._shipper.follow(fence, folder)
        await self._shipper.drain(fence)
        self._end(fence, code, reason, by_itself=True)

    def _end(
        self,
        fence: Fence,
        code: int | None,
        reason: str,
        *,
        at: datetime | None = None,
        by_itself: bool = False,
    ) -> None:
        self._stopping.discard(fence)
        self._tell(Ended(fence, at or datetime.now(UTC), code, reason, by_itself=by_itself))

    async def _forget(self, fence: Fence) -> None:
        await self._shipper.drop(fence)
        if self._folders.of(fence).exists():
            await self._leftovers.sweep(str(fence))
            await asyncio.to_thread(self._folders.discard, fence)


def _rank_of(want: AllocationWant, fence: Fence) -> RankWant:
    return next(one for one in want.ranks if (one.rank, one.incarnation) == (fence.rank, fence.incarnation))
