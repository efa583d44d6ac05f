"""The answer to `rank.Fetch` on the wire: `Fetched` as one JSON line, a newline, the raw bytes of the
piece.
"""

from pydantic import ValidationError

from tradewind.common.contracts.rank import Fetched

PIECE_BYTES = 512 * 1024
"""A piece has at most that many bytes; the next one is asked for with the offset after it."""


def pack(told: Fetched, piece: bytes = b"") -> bytes:
    return told.model_dump_json().encode() + b"\n" + piece


def unpack(answer: bytes) -> tuple[Fetched, bytes]:
    """Raises ValueError where it is no such answer."""
    line, newline, piece = answer.partition(b"\n")
    if not newline:
        raise ValueError("the answer has no header line")
    try:
        return Fetched.model_validate_json(line), piece
    except ValidationError as error:
        raise ValueError(f"the answer's header line does not fit: {error.errors()[0]['msg']}") from None
