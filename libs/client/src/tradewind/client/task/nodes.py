"""YAML text as a graph of nodes that know their places, and what may be read from a node.

The graph is used, and not the values that PyYAML would make of it, because values have lost where they
stood, how they were written (`3.10` is not 3.1) and that a key came twice.
"""

from collections.abc import Iterator

import yaml

from tradewind.client.task.problems import Position, Problem

_TAG = "tag:yaml.org,2002:"
_LONGEST = 60
_MOST_ENTRIES = 10_000


class Broken(ValueError):
    """Text that is no YAML document."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.text)
        self.problem = problem


def document(text: str) -> yaml.Node | None:
    """The root of the only document in `text`; None if it is empty.

    Raises:
        Broken: this is not YAML, or several documents.
    """
    try:
        found: list[yaml.Node] = list(yaml.compose_all(text, yaml.SafeLoader))
    except yaml.reader.ReaderError as error:
        raise Broken(
            Problem("", "holds a character that YAML does not allow", _in_text(text, error.position))
        ) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = (error.problem or "cannot be understood").replace("character '\\t'", "a tab")
        hint = "; indent with spaces" if "\\t" in (error.problem or "") else ""
        raise Broken(Problem("", f"not YAML: {what}{hint}", _at(mark) if mark else None)) from error
    except RecursionError as error:
        raise Broken(Problem("", "is nested too deeply")) from error
    if len(found) > 1:
        raise Broken(
            Problem("", "a second document begins here: pipelines are not supported yet", place(found[1]))
        )
    return found[0] if found else None


def place(node: yaml.Node) -> Position:
    return _at(node.start_mark)


def kind(node: yaml.Node) -> str:
    """`map`, `seq`, `null`, `bool`, `int`, `float`, `str`, …; a tag of the file's own as it is written."""
    return node.tag.removeprefix(_TAG)


def in_words(node: yaml.Node) -> str:
    """The node as an error names it."""
    match kind(node):
        case "map" | "set" | "omap":
            return "a mapping"
        case "seq" | "pairs":
            return "a list"
        case "null":
            return "empty"
        case "bool":
            return f"`{node.value}`"
        case "int" | "float":
            return f"the number {_short(node.value)}"
        case "str" | "timestamp":
            return f"the text {_short(node.value)!r}"
        case own:
            return f"tagged {own}"


def entries(node: yaml.MappingNode) -> Iterator[tuple[yaml.ScalarNode, yaml.Node]]:
    """The keys and values of a mapping: what it merges in (`<<`) comes first, so that its own win."""
    for count, entry in enumerate(_merged(node, frozenset())):
        if count == _MOST_ENTRIES:  # merges of merges can multiply without end
            raise Broken(Problem("", f"a mapping has more than {_MOST_ENTRIES} entries", place(node)))
        yield entry


def own_entries(node: yaml.MappingNode) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    """The keys and values that are written in the mapping itself."""
    yield from ((key, value) for key, value in node.value if kind(key) != "merge")


def _merged(node: yaml.MappingNode, above: frozenset[int]) -> Iterator[tuple[yaml.ScalarNode, yaml.Node]]:
    if id(node) in above:
        raise Broken(Problem("", "a mapping merges itself in", place(node)))
    for key, value in node.value:
        if kind(key) != "merge":
            continue
        for source in reversed(value.value) if isinstance(value, yaml.SequenceNode) else [value]:
            if not isinstance(source, yaml.MappingNode):
                raise Broken(
                    Problem("<<", f"merges mappings only, but this is {in_words(source)}", place(source))
                )
            yield from _merged(source, above | {id(node)})
    for key, value in own_entries(node):
        if not isinstance(key, yaml.ScalarNode):
            raise Broken(Problem("", f"a key must be a word, but this is {in_words(key)}", place(key)))
        yield key, value


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _at(mark: yaml.Mark) -> Position:
    return Position(mark.line + 1, mark.column + 1)


def _in_text(text: str, offset: int) -> Position:
    before = text[:offset]
    return Position(before.count("\n") + 1, offset - before.rfind("\n"))
