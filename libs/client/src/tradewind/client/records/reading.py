"""From JSON to records. Fields that a newer server adds are ignored."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from types import NoneType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from tradewind.client.errors import Unexpected

T = TypeVar("T")

Json = Any
"""A decoded JSON document."""


def read(record: type[T], told: Mapping[str, Json]) -> T:
    """The record that a JSON object tells.

    Raises:
        Unexpected: a field is missing or has another form.
    """
    try:
        values = {name: turn(told[name]) for name, turn in _turns(record).items() if name in told}
        return record(**values)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise Unexpected(
            f"the server's {record.__name__} is not as expected ({error}): is it of another version?"
        ) from error


@cache
def _turns(record: type[Any]) -> dict[str, Callable[[Json], Json]]:
    return {name: _turn(kind) for name, kind in get_type_hints(record).items()}


def _turn(kind: Any) -> Callable[[Json], Json]:
    """From JSON to a field of this kind."""
    variants = [each for each in get_args(kind) if each is not NoneType]
    if kind is datetime:
        return datetime.fromisoformat
    if hasattr(kind, "__dataclass_fields__"):
        return lambda told: read(kind, told)
    if get_origin(kind) is tuple:
        one = _turn(variants[0])
        return lambda told: tuple(map(one, told))
    if NoneType in get_args(kind):
        present = _turn(variants[0])
        return lambda told: None if told is None else present(told)
    return lambda told: told
