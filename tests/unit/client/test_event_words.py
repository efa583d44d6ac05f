"""Events in words."""

from datetime import UTC, datetime

import pytest

from tradewind.client.cli.event_words import told
from tradewind.client.records import Event, Json

AT = datetime(2026, 1, 2, 3, 6, 5, 250_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "level", "words"),
    [
        (
            "node.reclaim_noticed",
            {"reclaim_at": AT.isoformat()},
            f"node 0123abcd will be reclaimed at {AT.astimezone():%H:%M:%S}",
        ),
        ("node.reclaim_noticed", {}, "node 0123abcd will be reclaimed"),
        ("job.replacing", {"reason": "node lost"}, "starting again what was lost, alone: node lost"),
        ("job.recovering", {"reason": "node lost"}, "recovering: node lost"),
        ("job.running", {"attempt": 2}, "running, attempt 2"),
        ("capacity.opened", {}, ""),
    ],
)
def test_what_a_follower_is_told(name: str, level: Json, words: str) -> None:
    noun = name.partition(".")[0]
    event = Event(
        id="e", type=f"tradewind.{name}", source="s", subject="0123abcdef", time=AT, data={noun: level}
    )
    assert told(event) == words
