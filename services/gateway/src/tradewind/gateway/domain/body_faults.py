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
    return _fault(sent, taken.model_dump(mode="json"), path="")


def _fault(sent: JsonValue, taken: JsonValue, *, path: str) -> Fault | None:
    match sent, taken:
        case dict(), dict():
            for name, value in sent.items():
                here = f"{path}.{name}" if path else name
                if name not in taken:
                    known = ", ".join(sorted(taken)) or "nothing"
                    return Fault(here, f"{here}: there is no such field; there are {known}")
                if fault := _fault(value, taken[name], path=here):
                    return fault
        case list(), list():
            for index, (one, other) in enumerate(zip(sent, taken, strict=False)):
                if fault := _fault(one, other, path=f"{path}.{index}"):
                    return fault
        case str(), _ if "\0" in sent:
            return Fault(path, f"{path}: holds a NUL character")
        case float(), _ if not math.isfinite(sent):
            return Fault(path, f"{path}: must be finite")
        case _:
            pass
    return None
