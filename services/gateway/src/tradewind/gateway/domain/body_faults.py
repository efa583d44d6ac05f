"""Faults of a JSON body that its model lets pass: fields that nobody knows, and values that cannot be kept.

Contracts ignore unknown fields, so that a newer service never breaks an older one. A person who misspells a
field must hear of it.
"""

import math
from typing import NamedTuple

from pydantic import BaseModel, JsonValue


class Fault(NamedTuple):
    field: str
    detail: str


def first_fault(sent: JsonValue, taken: BaseModel) -> Fault | None:
    """`sent` is what `taken` was made from."""
    # In this order: what cannot be kept cannot be dumped either.
    return _unkeepable(sent, path="") or _unknown(sent, taken.model_dump(mode="json"), path="")


def _unkeepable(sent: JsonValue, *, path: str) -> Fault | None:
    match sent:
        case dict():
            inner = ((name, value, f"{path}.{name}" if path else name) for name, value in sent.items())
            faults = (
                _unkeepable(name, path=path) or _unkeepable(value, path=at) for name, value, at in inner
            )
            return next((fault for fault in faults if fault), None)
        case list():
            faults = (_unkeepable(value, path=f"{path}.{index}") for index, value in enumerate(sent))
            return next((fault for fault in faults if fault), None)
        case str() if "\0" in sent:
            return Fault(path, f"{path}: holds a NUL character")
        case str() if any("\ud800" <= letter <= "\udfff" for letter in sent):
            return Fault(path, f"{path}: holds half of a surrogate pair, which is no character")
        case float() if not math.isfinite(sent):
            return Fault(path, f"{path}: must be finite")
        case _:
            return None


def _unknown(sent: JsonValue, taken: JsonValue, *, path: str) -> Fault | None:
    match sent, taken:
        case dict(), dict():
            for name, value in sent.items():
                here = f"{path}.{name}" if path else name
                if name not in taken:
                    known = ", ".join(sorted(taken)) or "nothing"
                    return Fault(here, f"{here}: there is no such field; there are {known}")
                if fault := _unknown(value, taken[name], path=here):
                    return fault
        case list(), list():
            for index, (one, other) in enumerate(zip(sent, taken, strict=False)):
                if fault := _unknown(one, other, path=f"{path}.{index}"):
                    return fault
        case _:
            pass
    return None
