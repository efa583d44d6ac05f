"""A script file, read: what is wrong is said with its line, its field, and what to write instead."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from tradewind.provisioner.infra.mock.script import CloudScript, Script
from tradewind.provisioner.infra.mock.traces import TraceRefused, steps_of

_NO_COUNT = "not a whole number: write one such as 4"
_NO_SWITCH = "not true or false: write one of them"
_MEANT = {
    "tuple_type": "not a list: write its entries as `[…, …]`",
    "dict_type": "not a mapping: write `name: …` for each",
    "string_type": "not text: write it in quotes",
    "bool_type": _NO_SWITCH,
    "bool_parsing": _NO_SWITCH,
    "int_type": _NO_COUNT,
    "int_parsing": _NO_COUNT,
    "int_from_float": _NO_COUNT,
}
"""What a value is, by pydantic's name of the error."""
_KEY = "[key]"
"""How pydantic ends the path to a key that is wrong; before it the key, but 0 for `false`."""
_Way = tuple[str | int, ...]
"""Keys and ordinals, from the root down."""


class ScriptRefused(ValueError):
    """A script that cannot be understood, in one sentence."""


def read_script(path: Path) -> Script:
    """The script of a file, its traces read in too (their paths count from the file's folder).

    Raises:
        ScriptRefused
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise ScriptRefused(f"{path} cannot be read: {why}; name a file that describes a cloud") from error
    return parse(text, file=str(path), folder=path.parent)


def parse(text: str, *, file: str, folder: Path) -> Script:
    """`file` names it in errors. Raises ScriptRefused."""
    root = _compose(text, file)
    _refuse_doubles(root, file)
    written = _Written(file, root)
    try:
        script = Script.model_validate(yaml.safe_load(text))
    except ValidationError as error:
        raise written.refused(error.errors()[0]) from error
    clouds = {
        name: _with_traces(cloud, ("clouds", name), written, folder=folder)
        for name, cloud in script.clouds.items()
    }
    return script.model_copy(update={"clouds": clouds})


def _with_traces(cloud: CloudScript, path: _Way, written: "_Written", *, folder: Path) -> CloudScript:
    capacity = list(cloud.capacity)
    for ordinal, one in enumerate(capacity):
        if one.trace is not None:
            try:
                steps = steps_of(one.trace, folder)
            except TraceRefused as error:
                raise written.refusal((*path, "capacity", ordinal, "trace"), str(error)) from error
            capacity[ordinal] = one.model_copy(update={"steps": steps, "trace": None})
    return cloud.model_copy(update={"capacity": tuple(capacity)})


def _compose(text: str, file: str) -> yaml.Node:
    try:
        root = yaml.compose(text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else file
        raise ScriptRefused(f"{where}: not YAML: {error.problem or 'cannot be understood'}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise ScriptRefused(f"{file}: not YAML: {error}") from error
    if root is None:
        raise ScriptRefused(f"{file}: is empty: write at least `clouds:`, with `types` and `regions` of one")
    return root


def _refuse_doubles(node: yaml.Node, file: str, seen: frozenset[int] = frozenset()) -> None:
    """YAML's readers let the last of two equal keys win in silence."""
    if id(node) in seen:
        raise ScriptRefused(f"{file}:{node.start_mark.line + 1}: a mapping holds itself")
    within = seen | {id(node)}
    if isinstance(node, yaml.SequenceNode):
        for child in node.value:
            _refuse_doubles(child, file, within)
    if isinstance(node, yaml.MappingNode):
        keys: set[str] = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in keys:
                raise ScriptRefused(f"{file}:{key.start_mark.line + 1}: {key.value}: is written twice")
            keys.add(str(key.value))
            _refuse_doubles(value, file, within)


@dataclass(frozen=True, slots=True)
class _Written:
    """A file's text as a graph that knows its places."""

    file: str
    root: yaml.Node

    def refused(self, error: ErrorDetails) -> ScriptRefused:
        context: Mapping[str, Any] = error.get("ctx") or {}
        loc = error["loc"]
        if loc[-1:] == (_KEY,):
            loc = (*loc[:-2], str(error["input"]))
        path = (*loc, *context.get("path", ()))
        if error["type"] == "value_error":
            text = str(context["error"])
        elif error["type"] in {"refused", "no_mapping"}:
            text = error["msg"]
        elif error["type"] == "enum":
            text = f"{error['input']!r} is unknown: write {context['expected']}"
        elif error["type"] in _MEANT:
            text = f"{error['input']!r} is {_MEANT[error['type']]}"
        else:
            text = f"{error['msg'][0].lower()}{error['msg'][1:]}, but this is {error['input']!r}"
        return self.refusal(path, text)

    def refusal(self, path: _Way, text: str) -> ScriptRefused:
        mark = _place(self.root, path).start_mark
        field = ".".join(map(str, path))
        where = f"{self.file}:{mark.line + 1}:{mark.column + 1}"
        return ScriptRefused(f"{where}: {f'{field}: ' if field else ''}{text}")


def _place(node: yaml.Node, path: _Way) -> yaml.Node:
    """Where the path leads: the key of its last part, or as far as it can be followed."""
    if not path:
        return node
    first, rest = path[0], path[1:]
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(first):
                return _place(value, rest) if rest else key
    if isinstance(node, yaml.SequenceNode) and isinstance(first, int) and first < len(node.value):
        return _place(node.value[first], rest)
    return node
