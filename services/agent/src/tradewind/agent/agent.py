"""The agent's shell: wants and answers go in, in order; what the domain decides is carried out.

What a kill leaves at any point: a want is written down before it is acted on and acked after; what is said
is written down before it is sent; a launch is begun by a marker and comes true once (see `launch`). The
next agent reads all of it back, watches what still runs, and says again what it holds.
"""

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from tradewind.agent.body import Body
from tradewind.agent.domain import notice
from tradewind.agent.domain.model import (
    Action,
    Fact,
    Fetch,
    Forget,
    Holding,
    Save,
    Say,
    Setup,
    Start,
    Step,
    Stop,
)
from tradewind.agent.domain.reconcile import heed, learn, levels, resume, said
from tradewind.agent.journal import Journal, Record
from tradewind.agent.memory import Remembered, records_of, restore
from tradewind.agent.rank_folder import RankFolders, is_safe
from tradewind.agent.rank_spans import RankSpans
from tradewind.agent.speaker import Speaker
from tradewind.agent.their_clock import TheirClock
from tradewind.common.contracts.envelope import Packet, Undecodable, decode
from tradewind.common.contracts.rank import AllocationWant
from tradewind.common.contracts.values import Fence
from tradewind.common.telemetry.spans import Tracer

log = logging.getLogger(__name__)

REMEMBERED_S = 15 * 60.0
"""A job that is over is remembered for longer than its owner's outbox may send old wants of it again."""
REMEMBERED_AT_MOST = 2_000


class Agent:
    def __init__(
        self,
        *,
        node: str,
        journal: Journal,
        speaker: Speaker,
        tracer: Tracer,
        monotonic: Callable[[], float],
        body: Callable[[Callable[[Fact], None]], Body],
    ) -> None:
        """`body` makes the one that tells its facts to the function it is given."""
        self._node = node
        self._journal = journal
        self._speaker = speaker
        self._tracer = tracer
        self._spans = RankSpans(tracer)
        self._monotonic = monotonic
        self._clock = TheirClock(monotonic)
        self._body = body(self._learn)
        self._holdings: dict[str, Holding] = {}
        self._traces: dict[str, str] = {}
        self._over: deque[tuple[float, str]] = deque()
        self._inputs: deque[AllocationWant | Fact] = deque()
        self._busy = False

    def recover(self, remembered: dict[str, Remembered], folders: RankFolders) -> None:
        """Go on from where the last agent of this node was."""
        self._holdings = restore(self._node, remembered, folders.fences(), recover=self._body.recover)
        self._traces = {job: known.trace for job, known in remembered.items()}
        for known in remembered.values():
            self._clock.learn(known.ahead)
        unacked = frozenset[Fence]().union(*(known.unacked for known in remembered.values()))
        self._journal.rewrite(self._records(unacked.__contains__))
        self._busy = True  # answers wait until all is as it was
        for job, holding in tuple(self._holdings.items()):
            self._carry_out(job, resume(holding))
        self._busy = False
        self.say_levels()
        for holding in self._holdings.values():
            for rank in holding.ranks:
                if rank.forgotten and rank.fence in unacked:
                    self._speaker.say(said(holding, rank), trace=self._traces.get(holding.job, ""))
        self._work_off()

    def say_levels(self) -> None:
        """Everything that is held, again."""
        for job, holding in self._holdings.items():
            for say in levels(holding):
                self._speaker.say(say.said, trace=self._traces.get(job, ""))

    def take(self, packet: Packet) -> None:
        """A want has come. On return it is written down, and what follows from it is under way."""
        try:
            envelope = decode(packet)
        except Undecodable as why:
            log.error("a want on %s cannot be read: %s", packet.subject, why)
            return
        self._clock.hear(envelope.time)
        want = envelope.message
        if not isinstance(want, AllocationWant) or want.node != self._node or not is_safe(want.job):
            log.error("%s is no want of this node", packet.subject)
            return
        known = self._traces.get(want.job, "")
        with self._tracer.span_for(
            "take want.allocation",
            traceparent=envelope.traceparent or known,
            attributes={"tradewind.about": want.job, "tradewind.goal": want.goal},
        ) as span:
            self._traces[want.job] = span.traceparent
            self._inputs.append(want)
            self._work_off()

    async def close(self) -> None:
        await self._body.close()

    def _learn(self, fact: Fact) -> None:
        self._spans.end(fact)
        self._inputs.append(fact)
        self._work_off()

    def _work_off(self) -> None:
        """In order, even where carrying out a step answers at once."""
        if self._busy:
            return
        self._busy = True
        try:
            while self._inputs:
                one = self._inputs.popleft()
                self._carry_out(*self._decide(one))
            if self._journal.has_grown:
                self._journal.rewrite(self._records(self._speaker.is_pending))
        finally:
            self._busy = False

    def _decide(self, one: AllocationWant | Fact) -> tuple[str, Step]:
        job = one.job if isinstance(one, AllocationWant) else one.fence.job
        holding = self._holdings.get(job, Holding(self._node, job))
        if not isinstance(one, AllocationWant):
            return job, learn(holding, one)
        step = heed(holding, one)
        if step.holding.want is not holding.want:
            self._journal.append(Record(want=one, trace=self._traces[job], ahead=self._clock.ahead))
        return job, step

    def _carry_out(self, job: str, step: Step) -> None:
        was_over = job in self._holdings and self._holdings[job].over
        self._holdings[job] = step.holding
        want = step.holding.want
        for action in step.actions:
            self._do(action, want)
        if step.holding.over and not was_over:
            self._bury(step.holding)

    def _do(self, action: Action, want: AllocationWant | None) -> None:
        match action:
            case Say(told):
                self._speaker.say(told, trace=self._traces.get(told.fence.job, ""))
            case Stop(fence, grace_s, by):
                left_s = self._clock.left_s(by) if by is not None else None
                self._body.stop(fence, grace_s=notice.grace_s(grace_s, left_s))
            case Forget(fence):
                self._body.forget(fence)
            case Fetch() | Setup() | Start() | Save():
                if want is None:
                    raise AssertionError(f"{action} without a want")
                if isinstance(action, Save):
                    self._body.save(action.fence, want, left_s=self._clock.left_s(action.by))
                    return
                self._spans.begin(action, trace=self._traces.get(want.job, ""))
                self._further(action, want)

    def _further(self, action: Fetch | Setup | Start, want: AllocationWant) -> None:
        match action:
            case Fetch(fence):
                self._body.fetch(fence, want)
            case Setup(fence):
                self._body.setup(fence, want)
            case Start(fence):
                self._body.start(fence, want)

    def _bury(self, holding: Holding) -> None:
        """Keep what stops a late copy of an old want, and for a while only."""
        if holding.want is not None:
            bare = replace(holding, want=holding.want.but(addresses=(), grant=""))
            self._holdings[holding.job] = bare
        now = self._monotonic()
        self._over.append((now, holding.job))
        while len(self._over) > REMEMBERED_AT_MOST or self._over[0][0] < now - REMEMBERED_S:
            _, job = self._over.popleft()
            if job in self._holdings and self._holdings[job].over:
                del self._holdings[job]
                self._traces.pop(job, None)

    def _records(self, is_unacked: Callable[[Fence], bool]) -> list[Record]:
        return list(
            records_of(
                self._holdings.values(),
                trace_of=lambda job: self._traces.get(job, ""),
                ahead=self._clock.ahead,
                is_unacked=is_unacked,
            )
        )
