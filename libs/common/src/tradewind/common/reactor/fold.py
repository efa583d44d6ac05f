"""The pure step: a batch of inputs folded over the rows, in order. No I/O, no clock."""

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tradewind.common.contracts.envelope import Envelope
from tradewind.common.contracts.registry import Event, Message, Report
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

    `rows` must hold every existing row that `wiring.refs` names for the inputs. It is not changed; the planner is.
    """
    outcome = Outcome()
    for envelope in inputs:
        _fold_one(wiring, rows, envelope, now, outcome)
    if planner is not None:
        _plan(wiring, rows, inputs, now, outcome, planner)
    return outcome


def _fold_one(
    wiring: Wiring, rows: Mapping[Ref, Aggregate], envelope: Envelope, now: datetime, outcome: Outcome
) -> None:
    message = envelope.message
    ctx = Ctx(now=now, cause=envelope.id)
    if isinstance(message, Report):
        outcome.closed_intents.append(message.intent)
    if isinstance(message, Alarm):
        ref = Ref(message.kind, message.id)
        row = _current(ref, rows, outcome.rows)
        if row is None or row.terminal or row.parked or row.wake_at is None or row.wake_at > now:
            return
        decide = wiring.alarms[type(row)]
        _apply(wiring, envelope, ref, row, ctx, lambda: decide(row, ctx), outcome)
        return
    reactions = wiring.reactions_to(message)
    if not reactions:
        outcome.refusals.append(Refusal(envelope, None, f"{wiring.service} has no reaction to {message.type_name}"))
    for reaction in reactions:
        for ref in reaction.refs(message):
            row = _current(ref, rows, outcome.rows)
            if row is not None and isinstance(message, Event) and not _is_news(row, message):
                continue
            if row is not None and row.parked and not envelope.redriven:
                outcome.refusals.append(Refusal(envelope, ref, f"{ref.kind} {ref.id} is parked: {row.parked}"))
                continue
            _apply(wiring, envelope, ref, row, ctx, lambda r=reaction, s=row: r.decide(s, message, ctx), outcome)


def _apply(
    wiring: Wiring,
    envelope: Envelope,
    ref: Ref,
    row: Aggregate | None,
    ctx: Ctx,
    decide: Callable[[], Decision[Any]],
    outcome: Outcome,
) -> None:
    try:
        decision = decide()
    # A decision must be total; whatever it raises is this input's fault and must not stop the others.
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
        outcome.refusals.append(Refusal(envelope, ref, why))
        if row is not None and not row.parked:
            outcome.rows[ref] = row.evolve(parked=why)
        return
    state = decision.state
    if state is not None and row is None:
        state = state.but(
            correlation=state.correlation or envelope.correlation or state.id,
            trace=state.trace or envelope.traceparent,
        )
    heard = state or row
    if heard is not None and isinstance(envelope.message, Event) and not (state is None and heard.terminal):
        level = envelope.message.level
        state = (state or heard.evolve()).but(seen={**heard.seen, level.id: level.version})
    if isinstance(envelope.message, Alarm) and row is not None and (state is None or _still_due(state, ctx.now)):
        state = (state or row.evolve()).but(wake_at=ctx.now + LOOK_AGAIN)
    if envelope.redriven and heard is not None and heard.parked:
        state = (state or heard.evolve()).but(parked="")
    if state is not None:
        outcome.rows[ref] = state
    link = envelope.link or (heard.trace if heard is not None and not envelope.traceparent else "")
    _emit(wiring, decision, outcome, cause=envelope.id, about=ref, time=ctx.now, traceparent=envelope.traceparent,
          link=link, correlation=(heard.correlation if heard is not None else "") or envelope.correlation)


def _plan(
    wiring: Wiring,
    rows: Mapping[Ref, Aggregate],
    inputs: Sequence[Envelope],
    now: datetime,
    outcome: Outcome,
    planner: Planner,
) -> None:
    planner.observe(outcome.rows.values())
    cause = f"plan:{inputs[-1].id}" if inputs else f"plan:{now.isoformat()}"
    for ordinal, decision in enumerate(planner.plan(Ctx(now=now, cause=cause))):
        state = decision.state
        if state is None:
            continue
        outcome.rows[state.ref] = state
        _emit(wiring, decision, outcome, cause=f"{cause}.{ordinal}", about=state.ref, time=now,
              traceparent=state.trace, link="", correlation=state.correlation)
        planner.observe((state,))


def _emit(
    wiring: Wiring,
    decision: Decision[Any],
    outcome: Outcome,
    *,
    cause: str,
    about: Ref,
    time: datetime,
    traceparent: str,
    link: str,
    correlation: str,
) -> None:
    for ordinal, message in enumerate(decision.publish):
        outcome.outbox.append(
            Envelope(
                id=derived_id(cause, about.kind, about.id, ordinal),
                message=message,
                source=f"tradewind/{wiring.service}",
                time=time,
                correlation=correlation or _correlation_of(message),
                cause=cause,
                traceparent=traceparent,
                link=link,
            )
        )
    outcome.intents.extend(decision.do)


def _current(
    ref: Ref, rows: Mapping[Ref, Aggregate], changed: MutableMapping[Ref, Aggregate]
) -> Aggregate | None:
    return changed.get(ref) or rows.get(ref)


def _is_news(row: Aggregate, event: Event) -> bool:
    level = event.level
    return row.seen.get(level.id, -1) < level.version


def _still_due(state: Aggregate, now: datetime) -> bool:
    return not state.terminal and (state.wake_at is None or state.wake_at <= now)


def _correlation_of(message: Message) -> str:
    return message.about
