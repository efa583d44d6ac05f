"""The base of every value that crosses a process border."""

from typing import Self

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """A frozen value. Unknown fields are ignored, so that a newer writer never breaks an older reader."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_timedelta="float", defer_build=True)

    def but(self, **changes: object) -> Self:
        """The same value with `changes` applied; unvalidated, for use by code whose types are checked."""
        return self.model_copy(update=changes)
