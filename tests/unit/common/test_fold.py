"""The pure step of the reactor, with a small service made for it."""

from datetime import UTC, datetime, timedelta
from typing import ClassVar, Self

import pytest

from tradewind.common.contracts.envelope import Envelope, Packet, Undecodable, decode, encode
from tradewind.common.contracts.registry import Command, Event, Level, Message, Report
from tradewind.common.reactor.aggregate import Aggregate, Ref
from tradewind.common.reactor.decision import Ctx, Decision, Intent, became
from tradewind.common.reactor.fold import LOOK_AGAIN, Outcome, fold_batch
from tradewind.common.reactor.wiring import Alarm, Wiring, on

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class LampLevel(Level):
    lit: bool


class LampEvent(Event, owner="test_lamps", noun="test_lamp"):
    lamp: LampLevel

    @property
    def level(self) -> LampLevel:
        return self.lamp

    @classmethod
    def of(cls, lamp: LampLevel) -> Self:
        return cls(lamp=lamp)


class LampSwitched(LampEvent, name="switched"):
    pass


class Hum(LampEvent, noun="test_hum", name="hummed"):
    """Another noun, of which the thing has the lamp's id."""


class Press(Command, owner="test_lamps", name="press"):
    pass


class Pressed(Report, owner="test_lamps", name="pressed"):
    pass


class Lamp(Aggregate):
    kind: ClassVar[str] = "lamp"
    lit: bool = False
    broken: bool = False

    @property
    def phase_name(self) -> str:
        return "lit" if self.lit else "dark"

    @property
    def terminal(self) -> bool:
        return self.broken

    @property
    def level(self) -> LampLevel:
        return LampLevel(id=self.id, workspace=self.workspace, version=self.version, lit=self.lit)


class Shadow(Aggregate):
    kind: ClassVar[str] = "shadow"
    cast: bool = False

    @property
    def phase_name(self) -> str:
        return "shadow"

    @property
    def terminal(self) -> bool:
        return False


def press(lamp: Lamp | None, heard: Press, ctx: Ctx) -> Decision[Lamp]:
    if heard.id == "cursed":
        raise ValueError("it must not be pressed")
    lamp = lamp or Lamp(id=heard.id, workspace=heard.workspace, wake_at=ctx.now + LOOK_AGAIN)
    switched = lamp.evolve(lit=not lamp.lit)
    intent = Intent(id=ctx.new_id("press"), hand="finger", target=lamp.id, payload=switched.level)
    return became(switched, LampSwitched.of(switched.level), do=(intent,))


def cast(shadow: Shadow | None, heard: LampEvent, ctx: Ctx) -> Decision[Shadow]:
    shadow = shadow or Shadow(id=heard.lamp.id, workspace=heard.lamp.workspace, wake_at=ctx.now + LOOK_AGAIN)
    return Decision(shadow.evolve(cast=heard.lamp.lit)) if shadow.cast != heard.lamp.lit else Decision()


def report(lamp: Lamp | None, heard: Pressed, ctx: Ctx) -> Decision[Lamp]:
    return Decision()


def silent(lamp: Lamp, ctx: Ctx) -> Decision[Lamp]:
    return Decision(publish=(LampSwitched.of(lamp.level),))


WIRING = Wiring(
    service="test_lamps",
    kinds=(Lamp, Shadow),
    reactions=(
        on(Press, Lamp, key=lambda heard: heard.id, decide=press),
        on(LampEvent, Shadow, key=lambda heard: heard.lamp.id, decide=cast),
        on(Pressed, Lamp, key=lambda heard: heard.target, decide=report),
    ),
    alarms={Lamp: silent, Shadow: lambda shadow, ctx: Decision()},
)


def envelope(message: Message, number: int = 0, **context: object) -> Envelope:
    return Envelope(f"m{number}", message, "test", NOW, "", **context)  # type: ignore[arg-type] # fields by name


def fold(rows: dict[Ref, Aggregate], *messages: Message, now: datetime = NOW) -> Outcome:
    inputs = [envelope(message, number) for number, message in enumerate(messages)]
    return fold_batch(WIRING, rows, inputs, now=now)


def pressed(lamp: str) -> Press:
    return Press(id=lamp, workspace="w")


def switched(version: int, *, lit: bool) -> LampSwitched:
    return LampSwitched.of(LampLevel(id="a", workspace="w", version=version, lit=lit))


def test_inputs_of_one_row_are_folded_in_order_and_saved_once() -> None:
    outcome = fold({}, pressed("a"), pressed("a"), pressed("b"))
    a, b = outcome.rows[Ref("lamp", "a")], outcome.rows[Ref("lamp", "b")]
    assert (a.phase_name, a.version, b.phase_name) == ("dark", 2, "lit")
    assert [one.message.level.version for one in outcome.outbox if isinstance(one.message, Event)] == [
        1,
        2,
        1,
    ]
    assert len(outcome.intents) == 3


def test_rows_that_are_given_are_not_changed() -> None:
    rows = dict(fold({}, pressed("a")).rows)
    before = dict(rows)
    fold(rows, pressed("a"))
    assert rows == before


def test_the_same_batch_again_gives_the_same_messages() -> None:
    assert fold({}, pressed("a"), pressed("b")) == fold({}, pressed("a"), pressed("b"))


def test_levels_not_newer_than_what_was_seen_are_ignored() -> None:
    rows = dict(fold({}, switched(5, lit=True)).rows)
    assert fold(rows, switched(5, lit=False), switched(4, lit=False)).rows == {}
    assert fold(rows, switched(6, lit=False)).rows[Ref("shadow", "a")].seen == {"test_lamp/a": 6}


def test_versions_of_things_that_share_an_id_are_not_compared() -> None:
    """Found by the simulator: a cluster that had heard its placement's v6 took its claim's end, v4, for old
    news.
    """
    rows = dict(fold({}, switched(5, lit=True)).rows)
    noise = Hum(lamp=LampLevel(id="a", workspace="w", version=1, lit=False))
    assert fold(rows, noise).rows[Ref("shadow", "a")].seen == {"test_lamp/a": 5, "test_hum/a": 1}


def test_a_level_that_changes_nothing_is_still_noted() -> None:
    rows = dict(fold({}, switched(5, lit=True)).rows)
    rows |= fold(rows, switched(7, lit=True)).rows
    assert fold(rows, switched(6, lit=False)).rows == {}


def test_what_cannot_be_decided_is_refused_and_parks_its_row_alone() -> None:
    rows: dict[Ref, Aggregate] = {
        Ref("lamp", "cursed"): Lamp(id="cursed", workspace="w", wake_at=NOW + LOOK_AGAIN),
    }
    outcome = fold(rows, pressed("cursed"), pressed("cursed"), pressed("a"))
    assert [refusal.why for refusal in outcome.refusals] == [
        "ValueError: it must not be pressed",
        "lamp cursed is parked: ValueError: it must not be pressed",
    ]
    assert outcome.rows[Ref("lamp", "cursed")].parked
    assert outcome.rows[Ref("lamp", "a")].phase_name == "lit"


def test_an_input_sent_again_by_a_person_wakes_a_parked_row() -> None:
    rows: dict[Ref, Aggregate] = {
        Ref("lamp", "a"): Lamp(id="a", workspace="w", wake_at=NOW + LOOK_AGAIN, parked="why"),
    }
    again = envelope(pressed("a"), redriven=True)
    outcome = fold_batch(WIRING, rows, [again], now=NOW)
    assert outcome.refusals == []
    assert outcome.rows[Ref("lamp", "a")].parked == ""


def test_an_alarm_that_decides_nothing_rings_again() -> None:
    lamp = Lamp(id="a", workspace="w", version=3, wake_at=NOW)
    outcome = fold({lamp.ref: lamp}, Alarm(kind="lamp", id="a"))
    assert outcome.rows[lamp.ref].wake_at == NOW + LOOK_AGAIN
    assert [one.message.name for one in outcome.outbox] == ["switched"]


@pytest.mark.parametrize(
    "lamp",
    [
        Lamp(id="a", workspace="w", wake_at=NOW + timedelta(seconds=1)),
        Lamp(id="a", workspace="w", wake_at=NOW, parked="why"),
        Lamp(id="a", workspace="w", broken=True),
    ],
)
def test_a_stale_alarm_is_nothing(lamp: Lamp) -> None:
    assert fold({lamp.ref: lamp}, Alarm(kind="lamp", id="a")) == Outcome()


def test_a_report_closes_its_intent_even_if_nothing_else_follows() -> None:
    assert fold({}, Pressed(intent="i", target="gone")).closed_intents == ["i"]


@pytest.mark.parametrize("report_first", [True, False])
def test_what_was_done_is_not_ordered_again_in_the_batch_that_hears_of_it(report_first: bool) -> None:
    """As when an alarm asks once more for a launch whose report is in the same batch: the machine that it
    brought may be gone by the time that the hand would act again.
    """
    ordered = fold({}, pressed("a")).intents[0].id
    heard = Pressed(intent=ordered, target="a")
    inputs = [envelope(heard, 1), envelope(pressed("a"))]
    outcome = fold_batch(WIRING, {}, inputs if report_first else inputs[::-1], now=NOW)
    assert outcome.closed_intents == [ordered]
    assert outcome.intents == []


def test_what_follows_stays_in_the_trace_and_what_comes_later_is_linked() -> None:
    first = fold_batch(WIRING, {}, [envelope(pressed("a"), traceparent="t1")], now=NOW)
    assert [one.traceparent for one in first.outbox] == ["t1"]
    later = fold_batch(WIRING, first.rows, [envelope(pressed("a"), 2)], now=NOW)
    assert [(one.traceparent, one.link) for one in later.outbox] == [("", "t1")]


def test_an_envelope_survives_the_bus() -> None:
    sent = envelope(switched(1, lit=True), traceparent="t", cause="c", link="l")
    packet = encode(sent)
    assert decode(packet) is sent  # it has not left this process
    assert decode(Packet(packet.subject, packet.headers, packet.body)) == Envelope(
        "m0", sent.message, "test", NOW, "", cause="c", traceparent="t", link="l"
    )


def test_a_packet_is_read_once() -> None:
    packet = encode(envelope(pressed("a")))
    received = Packet(packet.subject, packet.headers, packet.body)
    assert decode(received) is decode(received)
    assert received == packet
    assert received != Packet(packet.subject, packet.headers, b"{}")


def test_the_mark_of_the_redriven_is_a_header_that_only_the_dead_letters_write() -> None:
    packet = encode(envelope(pressed("a"), redriven=True))
    assert not decode(packet).redriven
    assert decode(Packet(packet.subject, {**packet.headers, "tw-redriven": "1"}, packet.body)).redriven


def _headers(**changed: str) -> dict[str, str]:
    return {**encode(envelope(pressed("a"))).headers, **changed}


@pytest.mark.parametrize(
    ("packet", "why"),
    [
        (Packet("cmd.x.y", {}, b"{}"), "the header 'ce-type' is missing"),
        (Packet("cmd.x.y", _headers(**{"ce-type": "no"}), b"{}"), "the type 'no' is unknown"),
        (Packet("cmd.x.y", _headers(**{"ce-time": "noon"}), b"{}"), "ce-time is not an ISO 8601 time"),
        (Packet("cmd.x.y", _headers(), b"\xff"), "the body does not fit tradewind.test_lamps.press"),
        (
            Packet("cmd.x.y", _headers(), b'{"id": "a"}'),
            "the body does not fit tradewind.test_lamps.press: workspace",
        ),
        (
            Packet("cmd.other.press", _headers(), b'{"id": "a", "workspace": "w"}'),
            "the body belongs on cmd.test_lamps.press, not on cmd.other.press",
        ),
    ],
)
def test_garbage_says_what_is_wrong_with_it(packet: Packet, why: str) -> None:
    with pytest.raises(Undecodable) as refused:
        decode(packet)
    assert str(refused.value).startswith(why)
