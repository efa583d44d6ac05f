"""The first half of reading a task file: which field holds which text, and where. None is understood yet."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import yaml

from tradewind.client.task import known_keys, nodes
from tradewind.client.task.problems import Position, Problem

_TEXT = ("str",)
_NAME = ("str", "int", "float", "timestamp")
_NUMBER = ("int", "float", "str")
_FLAG = ("bool",)
_ANY = ("str", "int", "float", "bool", "timestamp")
_KINDS = {
    "name": (_NAME, "a name such as `train`"),
    "workdir": (_TEXT, "the path of a folder"),
    "num_nodes": (("int", "str"), "a whole number such as 2"),
    "setup": (_TEXT, "shell commands, as in `setup: pip install numpy`"),
    "run": (_TEXT, "shell commands, as in `run: python train.py`"),
    "on_reclaim": (_TEXT, "shell commands, as in `on_reclaim: python save.py`"),
    "on_loss": (_TEXT, "`gang` or `rank`"),
    "resources.infra": (_TEXT, "a place such as aws/us-east-1"),
    "resources.cpus": (_NUMBER, "a number such as 4 or 4+"),
    "resources.memory": (_NUMBER, "an amount such as 16 or 16+"),
    "resources.accelerators": (_TEXT, "a kind and a count such as H100:8"),
    "resources.use_spot": (_FLAG, "true or false"),
    "resources.race": (("int", "str"), "a whole number from 1 to 8"),
    "resources.job_recovery": (_TEXT, "EAGER_NEXT_REGION or FAILOVER"),
    "resources.job_recovery.strategy": (_TEXT, "EAGER_NEXT_REGION or FAILOVER"),
    "resources.job_recovery.max_restarts_on_errors": (("int", "str"), "a whole number such as 3"),
}


@dataclass(frozen=True, slots=True)
class Written:
    """The text of one field. `field` and `at` say where it came from, for errors about it."""

    text: str
    field: str
    at: Position | None = None


@dataclass(slots=True)
class Fields:
    """All that a file (or a command line) says. Fields are named by dotted paths, `envs` apart."""

    fields: dict[str, Written] = field(default_factory=dict[str, Written])
    envs: dict[str, Written | None] = field(default_factory=dict[str, Written | None])
    """None: the file says that a value must be given."""
    positions: dict[str, Position] = field(default_factory=dict[str, Position])
    """Where each field's key stands."""
    problems: list[Problem] = field(default_factory=list[Problem])

    def over(self, options: Mapping[str, Written], envs: Mapping[str, Written]) -> None:
        """Let options win over what is written."""
        self.fields.update(options)
        self.envs.update(envs)

    def refuse(self, node: yaml.Node, path: str, text: str) -> None:
        self.problems.append(Problem(path, text, nodes.place(node)))


def read(text: str) -> Fields:
    """Sort the text of a task file by fields. What is wrong is in `problems`; this raises nothing."""
    try:
        return read_node(nodes.document(text))
    except nodes.Broken as broken:
        return Fields(problems=[broken.problem])


def read_node(root: yaml.Node | None) -> Fields:
    """As `read`, from the task's node in whatever document it stands."""
    found = Fields()
    try:
        if root is None or nodes.kind(root) == "null":
            found.problems.append(Problem("", "is empty: a task has at least `run: COMMANDS`"))
        elif not isinstance(root, yaml.MappingNode):
            found.refuse(
                root,
                "",
                f"a task is a mapping such as `run: python train.py`, but this is {nodes.in_words(root)}",
            )
        else:
            _read_task(root, found)
    except nodes.Broken as broken:
        found.problems.append(broken.problem)
    return found


def _read_task(root: yaml.MappingNode, found: Fields) -> None:
    for key, value in _known(root, "", found).items():
        match key:
            case "resources":
                if mapping := _mapping(value, key, found, form="`cpus: 4`"):
                    _read_resources(mapping, found)
            case "envs":
                if mapping := _mapping(value, key, found, form="`EPOCHS: 10`"):
                    _read_envs(mapping, found)
            case "workdir" if isinstance(value, yaml.MappingNode):
                found.refuse(value, key, "a git repository is not supported yet: write the path of a folder")
            case _:
                _read_leaf(value, key, found)


def _read_resources(node: yaml.MappingNode, found: Fields) -> None:
    for key, value in _known(node, "resources", found).items():
        path = f"resources.{key}"
        if key == "accelerators" and isinstance(value, yaml.CollectionNode):
            _read_accelerators(value, path, found)
        elif key == "job_recovery" and isinstance(value, yaml.MappingNode):
            for part, how in _known(value, path, found).items():
                _read_leaf(how, f"{path}.{part}", found)
        else:
            _read_leaf(value, path, found)


def _read_accelerators(node: yaml.CollectionNode, path: str, found: Fields) -> None:
    """`{H100: 8}` and `[H100:8]` are `H100:8`."""
    if len(node.value) != 1:
        several = (
            "several kinds to choose from are not supported yet: name one" if node.value else "names no kind"
        )
        found.refuse(node, path, f"{several}, as in H100:8")
    elif isinstance(node, yaml.MappingNode):
        key, count = node.value[0]
        if nodes.kind(count) not in {"int", "float", "str", "null"} or not isinstance(key, yaml.ScalarNode):
            found.refuse(
                count,
                path,
                f"must be a kind and a count such as {{H100: 8}}, but the count is {nodes.in_words(count)}",
            )
            return
        text = f"{key.value}:{count.value}" if nodes.kind(count) != "null" else key.value
        found.fields[path] = Written(text, path, nodes.place(key))
    else:
        _read_leaf(node.value[0], path, found)


def _read_envs(node: yaml.MappingNode, found: Fields) -> None:
    for key, value in _unique(node, "envs", found).items():
        path = f"envs.{key}"
        match nodes.kind(value):
            case "null":
                found.envs[key] = None
            case "bool":  # the one kind that SkyPilot's users see changed: it passes Python's word for it
                found.envs[key] = Written(_flag(value).capitalize(), path, found.positions[path])
            case scalar if scalar in _ANY:
                found.envs[key] = Written(str(value.value), path, found.positions[path])
            case _:
                found.refuse(value, path, f"must be a text or a number, but is {nodes.in_words(value)}")


def _read_leaf(node: yaml.Node, path: str, found: Fields) -> None:
    kinds, form = _KINDS[path]
    kind = nodes.kind(node)
    if kind == "null":
        return
    if kind not in kinds:
        found.refuse(node, path, f"must be {form}, but is {nodes.in_words(node)}")
        return
    text = _flag(node) if kind == "bool" else str(node.value)
    found.fields[path] = Written(text, path, nodes.place(node))


def _mapping(node: yaml.Node, path: str, found: Fields, *, form: str) -> yaml.MappingNode | None:
    if isinstance(node, yaml.MappingNode) and nodes.kind(node) == "map":
        return node
    if nodes.kind(node) != "null":
        found.refuse(node, path, f"must be a mapping such as {form}, but is {nodes.in_words(node)}")
    return None


def _known(node: yaml.MappingNode, under: str, found: Fields) -> dict[str, yaml.Node]:
    """The entries whose keys are read here; the others become problems."""
    keys = known_keys.KNOWN[under]
    unique = _unique(node, under, found)
    for key in unique.keys() - set(keys):
        path = f"{under}.{key}" if under else key
        found.problems.append(Problem(path, known_keys.refusal(key, under=under), found.positions[path]))
    return {key: value for key, value in unique.items() if key in keys}


def _unique(node: yaml.MappingNode, under: str, found: Fields) -> dict[str, yaml.Node]:
    """All entries by key, merged ones included; a key that is written twice becomes a problem."""
    once: dict[str, Position] = {}
    for key, _ in nodes.own_entries(node):
        path = f"{under}.{key.value}" if under else str(key.value)
        if path in once:
            found.refuse(key, path, f"is written twice, first in line {once[path].line}")
        once.setdefault(path, nodes.place(key))
    unique: dict[str, yaml.Node] = {}
    for key, value in nodes.entries(node):
        unique[key.value] = value
        found.positions[f"{under}.{key.value}" if under else key.value] = nodes.place(key)
    return unique


def _flag(node: yaml.Node) -> str:
    return "true" if str(node.value).lower() in {"true", "yes", "on"} else "false"
