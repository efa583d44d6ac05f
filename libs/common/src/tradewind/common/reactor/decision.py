"""What a decision may be: the thing's next state, what to publish, what to have done."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha1
from typing import Generic, NamedTuple, TypeVar
from uuid import UUID

from tradewind.common.contracts.base import Value
from tradewind.common.contracts.registry import Message
from tradewind.common.reactor.aggregate import Aggregate

NAMESPACE = UUID("5a0e6d1c-6f5e-5a43-9d57-6c1a1f2d7e10")
_NAMESPACE = NAMESPACE.bytes
_VARIANT = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}
"""RFC 9562: the first two bits of that digit are 10."""

S = TypeVar("S", bound=Aggregate)
M = TypeVar("M", bound=Message)


def derived_id(*parts: object) -> str:
    """The id that follows from `parts`, always the same one (uuid5).

    Written out, since every message and most rows have one: `uuid.uuid5` takes twice as long.
    """
    name = _NAMESPACE + "/".join([str(part) for part in parts]).encode()
    text = sha1(name, usedforsecurity=False).hexdigest()
    return f"{text[:8]}-{text[8:12]}-5{text[13:16]}-{_VARIANT[text[16]]}{text[17:20]}-{text[20:32]}"


class Ctx(NamedTuple):
    """What a decision may know beside the row and the input."""

    now: datetime
    cause: str
    """The id of the input."""

    def new_id(self, *label: object) -> str:
        """An id that follows from the input and `label`: the same when the input is decided again."""
        return derived_id(self.cause, *label)


@dataclass(frozen=True, slots=True)
class Intent:
    """Something to be done outside, by the hand of that name. Committed before it is begun."""

    id: str
    hand: str
    target: str
    """The id of the thing for which it is done."""
    payload: Value


class Decision(NamedTuple, Generic[S]):
    """`state` is None when nothing changes (and nothing is created)."""

    state: S | None = None
    publish: tuple[Message, ...] = ()
    do: tuple[Intent, ...] = ()


def became(state: S, *publish: Message, do: tuple[Intent, ...] = ()) -> Decision[S]:
    """The thing has a next state."""
    return Decision(state, publish, do)


Decide = Callable[[S | None, M, Ctx], Decision[S]]
"""A pure, total function: the row (None if there is none), the input, the context."""
