from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tradewind.common.contracts.log import LogChunk
from tradewind.common.contracts.values import Fence
from tradewind.gateway.domain.log_text import TAIL_LENGTH, LogText, LogTexts, Tail


def chunk(offset: int, body: bytes, *, rank: int = 0, attempt: int = 1, incarnation: int = 0) -> LogChunk:
    return LogChunk("n", Fence(job="j", attempt=attempt, rank=rank, incarnation=incarnation), offset, body)


@given(st.text(), st.data())
def test_however_it_is_cut_and_repeated_the_text_is_whole(text: str, data: st.DataObject) -> None:
    raw = text.encode()
    cuts = sorted({0, len(raw), *data.draw(st.lists(st.integers(0, len(raw))))})
    texts, pieces = LogTexts(), []
    for start, end in pairwise(cuts):
        # A sender that was not answered sends from an earlier place again.
        back = data.draw(st.integers(0, start))
        pieces.append(texts.take(chunk(back, raw[back:end])))
        pieces.append(texts.take(chunk(start, raw[start:end])))
    found = [piece for piece in pieces if piece is not None]
    assert "".join(piece.text for piece in found) == text
    for piece in found:
        assert raw[piece.offset :].startswith(piece.text.encode())


def test_ranks_attempts_and_incarnations_are_apart() -> None:
    texts = LogTexts()
    for one in (
        chunk(0, b"a"),
        chunk(0, b"a", rank=1),
        chunk(0, b"a", attempt=2),
        chunk(0, b"a", incarnation=1),
    ):
        assert texts.take(one) is not None
        assert texts.take(one) is None


def test_after_a_gap_it_goes_on() -> None:
    texts = LogTexts()
    assert texts.take(chunk(0, "é".encode()[:1])) is None
    piece = texts.take(chunk(50, b"later"))
    assert piece is not None
    assert (piece.offset, piece.text) == (50, "later")
    broken = texts.take(chunk(55, b"\xff!"))
    assert broken is not None
    assert broken.text == "\ufffd!"


def test_a_long_tail_is_bounded() -> None:
    tail = Tail(10_000)
    for sequence in range(10):
        tail.put(sequence, LogText(rank=0, node="n", attempt=1, offset=0, text="x" * (TAIL_LENGTH // 4)))
    assert [sequence for sequence, _ in tail.pieces()] == [6, 7, 8, 9]


@given(st.lists(st.text(alphabet="ab\n", max_size=12), max_size=20), st.integers(0, 8))
def test_the_tail_is_the_last_lines(texts: list[str], lines: int) -> None:
    tail = Tail(lines)
    whole = ""
    for sequence, text in enumerate(texts):
        if text:
            tail.put(sequence, LogText(rank=0, node="n", attempt=1, offset=len(whole), text=text))
            whole += text
    kept = tail.pieces()
    shown = "".join(piece.text for _, piece in kept)
    assert whole.endswith(shown)
    assert shown == "".join(whole.splitlines(keepends=True)[-lines:] if lines else [])
    for _, piece in kept:
        assert whole[piece.offset :].startswith(piece.text)
