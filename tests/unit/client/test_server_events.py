"""Server-sent events, however the bytes are cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.client.server_events import Decoder, ServerEvent


@pytest.mark.parametrize(
    ("text", "events"),
    [
        ("data: a\n\n", [ServerEvent("message", "a", "")]),
        ("data:a\r\n\r\n", [ServerEvent("message", "a", "")]),
        ("event: log\ndata: a\ndata: b\nid: 7\n\n", [ServerEvent("log", "a\nb", "7")]),
        (
            "id: 7\n\ndata: a\n\ndata: b\nid: 8\n\n",
            [ServerEvent("message", "a", "7"), ServerEvent("message", "b", "8")],
        ),
        (": still here\n\n", []),
        ("event: log\n\ndata: a\n\n", [ServerEvent("message", "a", "")]),
        ("retry: 5\nnonsense\ndata\n\n", [ServerEvent("message", "", "")]),
        ("id: a\0b\ndata: a\n\n", [ServerEvent("message", "a", "")]),
        ("data: a: b\u2028c\n\n", [ServerEvent("message", "a: b\u2028c", "")]),
        ("data: never completed\n", []),
    ],
)
def test_events(text: str, events: list[ServerEvent]):
    assert list(Decoder().feed(text.encode())) == events


TEXT = "id: 1\nevent: log\ndata: grüße\n\n: x\n\ndata: a\ndata: b\n\nid: 2\ndata: c\r\n\r\n".encode()


@given(st.lists(st.integers(0, len(TEXT)), max_size=8))
def test_cuts_make_no_difference(cuts: list[int]):
    edges = [0, *sorted(cuts), len(TEXT)]
    decoder = Decoder()
    pieces = [TEXT[start:stop] for start, stop in pairwise(edges)]
    assert [event for piece in pieces for event in decoder.feed(piece)] == list(Decoder().feed(TEXT))
