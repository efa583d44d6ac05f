"""The pure step: a batch of inputs folded over the rows, in order. No I/O, no clock."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tradewind.common.contracts.envelope import Envelope
from tradewind.common.contracts.registry import Event, Report
from tradewind.common.reactor.aggregate import Aggregate, Ref
from tradewind.common.reactor.decision import Ctx, Decision, Intent, derived_id
from tradewind.common.reactor.wiring import Alarm, Planner, Wiring

LOOK_AGAIN = timedelta(minutes=10)
"""When a row looks at itself again that has no nearer deadline."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An input that could not be decided for a row (None: for no row at all), and why."""

    envelope: Envelope
    ref: Ref | None
    why: str


@dataclass(slots=True)
class Outcome:
    """What a batch comes to. All of it is committed in one transaction, or none."""

    rows: dict[Ref, Aggregate] = field(default_factory=dict[Ref, Aggregate])
    """The newest state of each row that changed."""
    outbox: list[Envelope] = field(default_factory=list[Envelope])
    intents: list[Intent] = field(default_factory=list[Intent])
    closed_intents: list[str] = field(default_factory=list[str])
    refusals: list[Refusal] = field(default_factory=list[Refusal])


def fold_batch(
    wiring: Wiring,
    rows: Mapping[Ref, Aggregate],
    inputs: Sequence[Envelope],
    *,
    now: datetime,
    planner: Planner | None = None,
) -> Outcome:
    """Fold `inputs` in order over `rows`, then let the planner choose once.

    `rows` must hold every existing row that `wiring.refs` names for the inputs. It is not changed; the
    planner is.
    """
    folding = _Folding(wiring, rows, now)
    for envelope in inputs:
        folding.fold(envelope)
    if planner is not None:
        folding.plan(planner, cause=inputs[-1].id if inputs else now.isoformat())
    folding.drop_what_is_done()
    return folding.outcome


class _Folding:
    """One batch on its way."""

    def __init__(self, wiring: Wiring, rows: Mapping[Ref, Aggregate], now: datetime) -> None:
        self._wiring = wiring
        self._rows = rows
        self._now = now
        self.outcome = Outcome()

    def fold(self, envelope: Envelope) -> None:
        message = envelope.message
        if isinstance(message, Alarm):
            self._wake(envelope, Ref(message.kind, message.id))
            return
        if isinstance(message, Report):
            self.outcome.closed_intents.append(message.intent)
        ctx = Ctx(now=self._now, cause=envelope.id)
        reactions = self._wiring.reactions_to(message)
        if not reactions:
            self._refuse(envelope, None, f"{self._wiring.service} has no reaction to {message.type_name}")
        for reaction in reactions:
            for ref in reaction.refs(message):
                row = self._row(ref)
                if row is not None and isinstance(message, Event) and not _is_news(row, message):
                    continue
                if row is not None and row.parked and not envelope.redriven:
                    self._refuse(envelope, ref, f"{ref.kind} {ref.id} is parked: {row.parked}")
                    continue
                decision = self._try(envelope, ref, lambda r=reaction, s=row: r.decide(s, message, ctx))
                if decision is not None:
                    self._apply(decision, envelope, ref)

    def _wake(self, envelope: Envelope, ref: Ref) -> None:
        row = self._row(ref)
        if row is None or row.terminal or row.parked or row.wake_at is None or row.wake_at > self._now:
            return
        ctx = Ctx(now=self._now, cause=envelope.id)
        decision = self._try(envelope, ref, lambda: self._wiring.alarms[type(row)](row, ctx))
        if decision is None:
            return
        state = decision.state
        if state is None or _is_due(state, self._now):
            # What was said or done by an alarm may be lost: it must ring again.
            state = (state or row.evolve()).but(wake_at=self._now + LOOK_AGAIN)
        self._apply(Decision(state, decision.publish, decision.do), envelope, ref)

    def _try(self, envelope: Envelope, ref: Ref, decide: Callable[[], Decision[Any]]) -> Decision[Any] | None:
        """The decision; None where there can be none: the input is set aside, and the row is parked."""
        try:
            return decide()
        except Exception as error:  # noqa: BLE001 - whatever it is, the others go on
            why = f"{type(error).__name__}: {error}"
        row = self._row(ref)
        self._refuse(envelope, ref, why)
        if row is not None and not row.parked:
            self.outcome.rows[ref] = row.evolve(parked=why)
        return None

    def _apply(self, decision: Decision[Any], envelope: Envelope, ref: Ref) -> None:
        row, state = self._row(ref), decision.state
        if state is not None and row is None:
            state = state.but(
                correlation=state.correlation or envelope.correlation or state.id,
                trace=state.trace or envelope.traceparent,
            )
        present = state or row
        if present is not None and isinstance(envelope.message, Event) and (state or not present.terminal):
            heard = envelope.message
            state = (state or present.evolve()).but(seen={**present.seen, _thing(heard): heard.level.version})
        if present is not None and present.parked and envelope.redriven:
            state = (state or present.evolve()).but(parked="")
        if state is not None:
            self.outcome.rows[ref] = state
        self._emit(
            decision,
            ref,
            cause=envelope.id,
            correlation=(present.correlation if present is not None else "") or envelope.correlation,
            traceparent=envelope.traceparent,
            link=envelope.link or (present.trace if present is not None and not envelope.traceparent else ""),
        )

    def plan(self, planner: Planner, *, cause: str) -> None:
        planner.observe(self.outcome.rows.values())
        for ordinal, decision in enumerate(planner.plan(Ctx(now=self._now, cause=f"plan/{cause}"))):
            state: Aggregate | None = decision.state
            if state is None:
                continue
            self.outcome.rows[state.ref] = state
            planner.observe((state,))
            self._emit(
                decision,
                state.ref,
                cause=f"plan/{cause}/{ordinal}",
                correlation=state.correlation,
                traceparent=state.trace,
                link="",
            )

    def drop_what_is_done(self) -> None:
        """An alarm may have asked once more for what a report of the same batch says is done."""
        done = set(self.outcome.closed_intents)
        if done:
            self.outcome.intents = [one for one in self.outcome.intents if one.id not in done]

    def _emit(
        self,
        decision: Decision[Any],
        ref: Ref,
        *,
        cause: str,
        correlation: str,
        traceparent: str,
        link: str,
    ) -> None:
        for ordinal, message in enumerate(decision.publish):
            self.outcome.outbox.append(
                Envelope(
                    id=derived_id(cause, ref.kind, ref.id, ordinal),
                    message=message,
                    source=f"tradewind/{self._wiring.service}",
                    time=self._now,
                    correlation=correlation or message.about,
                    cause=cause,
                    traceparent=traceparent,
                    link=link,
                )
            )
        self.outcome.intents.extend(decision.do)

    def _refuse(self, envelope: Envelope, ref: Ref | None, why: str) -> None:
        self.outcome.refusals.append(Refusal(envelope, ref, why))

    def _row(self, ref: Ref) -> Aggregate | None:
        return self.outcome.rows.get(ref) or self._rows.get(ref)


def _is_news(row: Aggregate, event: Event) -> bool:
    return row.seen.get(_thing(event), -1) < event.level.version


def _thing(event: Event) -> str:
    """Things of different nouns may share an id: a placement has its claim's, an allocation its job's."""
    return f"{event.noun}/{event.level.id}"


def _is_due(state: Aggregate, now: datetime) -> bool:
    return not state.terminal and (state.wake_at is None or state.wake_at <= now)
