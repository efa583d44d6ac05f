"""One mapping of a YAML file, read field by field. What is wrong is gathered, with its place."""

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import yaml

from tradewind.client.task import Position, Problem, TaskRefused, nodes

T = TypeVar("T")


class FileRefused(TaskRefused):
    """A file of a what-if that cannot be understood. `problems` are all that were found."""


class Unreadable(ValueError):
    """A value that cannot be understood: why, and what to write instead."""


@dataclass(slots=True)
class Section:
    """A mapping whose keys are `known`; the others become problems, and so does a key written twice."""

    path: str
    node: yaml.MappingNode
    problems: list[Problem]
    _values: dict[str, yaml.Node] = field(default_factory=dict[str, yaml.Node])

    @classmethod
    def of(
        cls, node: yaml.Node, path: str, problems: list[Problem], *, known: Sequence[str]
    ) -> "Section | None":
        """None, and a problem, where the node is no mapping."""
        if not isinstance(node, yaml.MappingNode):
            problems.append(
                Problem(
                    path, f"must be a mapping, but this is {nodes.in_words(node)}: {_keys(known)}", at(node)
                )
            )
            return None
        section = cls(path, node, problems)
        for key, value in nodes.entries(node):
            if key.value not in known:
                section.refuse(key.value, _unknown(key.value, known), key)
            elif key.value in section._values:
                section.refuse(key.value, "is written twice", key)
            else:
                section._values[key.value] = value
        return section

    def node_of(self, key: str) -> yaml.Node | None:
        """None: it is not there, or empty."""
        value = self._values.get(key)
        return None if value is None or nodes.kind(value) == "null" else value

    def read(self, key: str, understand: Callable[[str], T], default: T) -> T:
        """A scalar's text, understood; the default where it is missing or became a problem."""
        node = self.node_of(key)
        if node is None:
            return default
        if not isinstance(node, yaml.ScalarNode):
            self.refuse(key, f"must be one value, but this is {nodes.in_words(node)}", node)
            return default
        try:
            return understand(str(node.value))
        except Unreadable as why:
            self.refuse(key, str(why), node)
            return default

    def refuse(self, key: str, text: str, node: yaml.Node | None = None) -> None:
        path = ".".join(part for part in (self.path, key) if part)
        self.problems.append(Problem(path, text, at(node or self._values.get(key) or self.node)))


def at(node: yaml.Node) -> Position:
    return nodes.place(node)


def root_of(text: str, *, file: str, form: str) -> yaml.Node:
    """The document of a file. Raises FileRefused: it is no YAML, or holds nothing."""
    try:
        root = nodes.document(text)
    except nodes.Broken as broken:
        raise FileRefused(file, [broken.problem]) from broken
    if root is None:
        raise FileRefused(file, [Problem("", f"is empty: write {form}")])
    return root


def _unknown(key: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(key.lower(), known, n=1, cutoff=0.6)
    return f"is unknown: did you mean `{near[0]}`?" if near else f"is unknown: {_keys(known)}"


def _keys(known: Sequence[str]) -> str:
    return f"write {', '.join(known)}"
