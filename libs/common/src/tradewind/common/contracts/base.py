"""The base of every value that crosses a process border."""

from typing import Self

from pydantic import BaseModel, ConfigDict

_set = object.__setattr__
"""Values are frozen; a copy is not one yet."""


class Value(BaseModel):
    """A frozen value. Unknown fields are ignored, so that a newer writer never breaks an older reader."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_timedelta="float", defer_build=True)

    def but(self, **changes: object) -> Self:
        """The same value with `changes` applied; unvalidated, for use by code whose types are checked.

        What `model_copy` does for a model without private attributes and extra fields, at half its
        price: every decision makes some.
        """
        cls = type(self)
        copy = cls.__new__(cls)
        _set(copy, "__dict__", {**self.__dict__, **changes})
        _set(copy, "__pydantic_fields_set__", self.__pydantic_fields_set__ | changes.keys())
        _set(copy, "__pydantic_extra__", None)
        _set(copy, "__pydantic_private__", None)
        return copy
