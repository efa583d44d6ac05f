"""A dead letter says why, and gives back what it holds."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.common.bus.dead_letters import DeadLetter, dead_letter
from tradewind.common.contracts.envelope import Packet
from tradewind.common.reactor.aggregate import Ref

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = st.from_regex(r"(?!(?i:nats|tw-dead))[a-z-]{1,12}", fullmatch=True)


@given(st.dictionaries(NAMES, st.text(max_size=20)), st.binary(max_size=50), st.text(max_size=50))
def test_it_gives_back_what_it_holds(headers: dict[str, str], body: bytes, why: str) -> None:
    packet = Packet("cmd.scheduler.close_claim", headers, body)
    letter = DeadLetter.read(dead_letter(packet, service="scheduler", why=why), sequence=7, at=NOW)
    assert letter.packet == packet
    assert (letter.sequence, letter.at, letter.service, letter.row) == (7, NOW, "scheduler", "")
    assert letter.reason == " ".join(why.split())


@pytest.mark.parametrize(
    ("ref", "message_id"),
    [(None, "dead/scheduler/e1"), (Ref("Claim", "c1"), "dead/scheduler/e1/Claim/c1")],
)
def test_one_letter_a_row(ref: Ref | None, message_id: str) -> None:
    packet = Packet("cmd.scheduler.close_claim", {"ce-id": "e1", "Nats-Msg-Id": "e1"}, b"{}")
    letter = dead_letter(packet, service="scheduler", why="no", ref=ref)
    assert letter.subject == "dead.scheduler"
    assert letter.headers["Nats-Msg-Id"] == message_id
    assert "Nats-Msg-Id" not in dead_letter(Packet("x", {}, b""), service="scheduler", why="no").headers


def test_redriven_it_may_wake_a_parked_row_and_die_again() -> None:
    packet = Packet("cmd.scheduler.close_claim", {"ce-id": "e1", "Nats-Msg-Id": "e1"}, b"{}")
    first = dead_letter(packet, service="scheduler", why="no")
    again = DeadLetter.read(first, sequence=1, at=NOW).redriven("redriven/1")
    assert again.headers == {"ce-id": "e1", "tw-redriven": "1", "Nats-Msg-Id": "redriven/1"}
    second = dead_letter(again, service="scheduler", why="still no")
    assert second.headers["Nats-Msg-Id"] != first.headers["Nats-Msg-Id"]
    assert DeadLetter.read(second, sequence=2, at=NOW).packet.headers["ce-id"] == "e1"
