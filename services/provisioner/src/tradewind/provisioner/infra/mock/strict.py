"""The base of what a person writes in a script: frozen, and told of every key that it does not know."""

import difflib
from collections.abc import Iterable

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

_NEAR = 0.6


class Part(BaseModel):
    """A mapping of the file. `schema_errors` carry a `path` below the mapping, for its place in the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _known_keys_only(cls, written: object) -> object:
        if isinstance(written, cls):
            return written
        known = [field.alias or name for name, field in cls.model_fields.items()]
        if not isinstance(written, dict):
            raise PydanticCustomError(
                "no_mapping", "must be a mapping: write {form}", {"form": _listed(known)}
            )
        for key in written:
            if key not in known and key not in cls.model_fields:
                raise refusal("is unknown: " + nearest(str(key), known), path=(key,))
        for name, field in cls.model_fields.items():
            if field.is_required() and name not in written:
                raise refusal(f"`{name}` is missing", path=())
        return written


def refusal(text: str, *, path: tuple[str | int, ...]) -> PydanticCustomError:
    """An error about what lies at `path` below the part that is being validated."""
    return PydanticCustomError("refused", "{text}", {"text": text, "path": path})


def some(example: str) -> BeforeValidator:
    """For a mapping or list that may not be empty."""

    def refuse_none(written: object) -> object:
        if written is None or written in ({}, [], ()):
            raise ValueError(f"names nothing: write at least one, as in `{example}`")
        return written

    return BeforeValidator(refuse_none)


def nearest(written: str, known: Iterable[str]) -> str:
    """`did you mean …?`, or all there is."""
    known = list(known)
    near = difflib.get_close_matches(written.lower(), known, n=1, cutoff=_NEAR)
    return f"did you mean `{near[0]}`?" if near else f"write {_listed(known)}"


def _listed(known: Iterable[str]) -> str:
    names = [f"`{name}`" for name in known]
    return f"{', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else "".join(names)
