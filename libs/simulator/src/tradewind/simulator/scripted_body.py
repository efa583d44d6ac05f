"""What stands for the agent's body on a scripted machine: it fetches by waiting, and runs scripts."""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from random import Random

from tradewind.agent.domain import notice
from tradewind.agent.domain.model import Ended, Fact, Fetched, Prepared, Rank, Saved, Stage, Started
from tradewind.common.contracts.rank import AllocationWant
from tradewind.common.contracts.values import Fence, Share
from tradewind.common.reactor.ports import Clock
from tradewind.simulator.machine import Machine, Part, Process, Script

Scripts = Callable[[Fence], Script]
"""How the processes of a rank behave."""


class ScriptedBody:
    """Has the methods of `tradewind.agent.body.Body`, and answers as it does."""

    def __init__(
        self,
        machine: Machine,
        *,
        scripts: Scripts,
        random: Random,
        clock: Clock,
        tell: Callable[[Fact], None],
    ) -> None:
        self._machine = machine
        self._scripts = scripts
        self._random = random
        self._clock = clock
        self._tell = tell
        self._context = copy_context()  # of the agent's process: the ends of others' processes wake us in it
        self._fetches: dict[Fence, asyncio.Task[None]] = {}
        self._stopping: set[Fence] = set()
        machine.on_end = self._on_end

    def fetch(self, fence: Fence, want: AllocationWant) -> None:
        task = self._fetches[fence] = self._spawn(self._fetch(fence))
        # Its stop may come before its first step: then nothing in the task itself would hear of it.
        task.add_done_callback(lambda _: self._on_fetch_over(fence, task), context=self._context.copy())

    def setup(self, fence: Fence, want: AllocationWant) -> None:
        self._begin(fence, want, Part.SETUP)

    def start(self, fence: Fence, want: AllocationWant) -> None:
        self._begin(fence, want, Part.RUN)
        self._tell(Started(fence, self._clock.now()))

    def save(self, fence: Fence, want: AllocationWant, *, left_s: float) -> None:
        self._machine.saving.add(fence)
        seconds = min(self._scripts(fence).saves_in_s, notice.saving_s(want.grace_s, left_s))
        self._spawn(self._save(fence, seconds))

    def stop(self, fence: Fence, *, grace_s: float) -> None:
        self._stopping.add(fence)
        ignores = self._scripts(fence).ignores_term
        for part in Part:
            process = self._machine.processes.get((fence, part))
            if process is not None and process.alive:
                if fence not in self._machine.stopping:
                    self._machine.onlooker.process_stops(self._machine, process)
                self._machine.stopping.add(fence)
                self._machine.stop(process, grace_s=grace_s, ignores_term=ignores)
                return
        if (fetch := self._fetches.get(fence)) is not None:
            fetch.cancel()

    def forget(self, fence: Fence) -> None:
        self._spawn(self._forget(fence))

    def recover(self, fence: Fence) -> Rank:
        """What is there of a rank whose end was not said yet."""
        stopping = fence in self._machine.stopping
        if stopping:
            self._stopping.add(fence)
        for part, stage in ((Part.RUN, Stage.RUNNING), (Part.SETUP, Stage.SETTING_UP)):
            process = self._machine.processes.get((fence, part))
            if process is not None:
                if not process.alive:
                    self._on_end(process)
                return Rank(fence, stage, started_at=self._clock.now(), saved=stopping)
        return Rank(fence, Stage.FETCHED if self._machine.folders.get(fence) else Stage.KNOWN)

    async def close(self) -> None:
        """Let go of everything. What runs, runs on."""

    async def _fetch(self, fence: Fence) -> None:
        self._machine.folders.setdefault(fence, False)
        await self._spend(self._scripts(fence).fetch_s)
        self._machine.folders[fence] = True
        self._tell(Fetched(fence))

    def _on_fetch_over(self, fence: Fence, task: asyncio.Task[None]) -> None:
        self._fetches.pop(fence, None)
        if task.cancelled() and fence in self._stopping:
            self._stopping.discard(fence)
            self._tell(Ended(fence, self._clock.now(), None, "fetch"))

    async def _save(self, fence: Fence, seconds: float) -> None:
        await self._spend(seconds)
        self._tell(Saved(fence))

    def _begin(self, fence: Fence, want: AllocationWant, part: Part) -> None:
        script = self._scripts(fence)
        seconds, code = (
            (script.setup_s, script.setup_code) if part is Part.SETUP else (script.run_s, script.run_code)
        )
        share = next((one.share for one in want.ranks if one.rank == fence.rank), Share(cpus=0.0))
        seconds *= self._random.uniform(0.8, 1.2)
        self._machine.begin(fence, part, share=share, seconds=seconds, code=code)

    def _on_end(self, process: Process) -> None:
        self._spawn(self._after_its_end(process))

    async def _after_its_end(self, process: Process) -> None:
        by_itself = process.fence not in self._stopping
        await self._spend(0.02)  # what is left of its logs
        if process.part is Part.SETUP and process.code == 0 and by_itself:
            self._tell(Prepared(process.fence))
            return
        self._stopping.discard(process.fence)
        ended = Ended(process.fence, self._clock.now(), process.code, process.part.value, by_itself=by_itself)
        self._tell(ended)

    async def _forget(self, fence: Fence) -> None:
        await self._spend(0.1)
        self._machine.folders.pop(fence, None)
        self._machine.stopping.discard(fence)
        for part in Part:
            process = self._machine.processes.pop((fence, part), None)
            if process is not None:
                self._machine.end(process, 137)

    async def _spend(self, seconds: float) -> None:
        await asyncio.sleep(seconds * self._random.uniform(0.8, 1.2))

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(work, context=self._context.copy())
