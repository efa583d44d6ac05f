"""Writes the pages that are made from the code; `--check` only says which of them are out of date.

    README.md, between its markers     who tells whom what, as a picture
    docs/architecture/contracts.md     every message, with who sends it, who hears it, and its fields
    docs/architecture/asyncapi.json    the same for programs (AsyncAPI 3.0)

Who hears a message is read from the services' wirings, who sends it from the code: an event and a report are
their owner's; a command, a want and a said are sent by the services whose modules make one.
"""

import ast
import importlib
import importlib.util
import inspect
import json
import pkgutil
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from functools import cache
from pathlib import Path

from pydantic import BaseModel

from tradewind.common import contracts as common_contracts
from tradewind.common.bus.asyncapi import asyncapi
from tradewind.common.bus.node_users import NODES_IMPORTS
from tradewind.common.contracts import registry
from tradewind.common.contracts.base import Value
from tradewind.common.contracts.registry import Command, Event, Level, Message, Report, Said, Want
from tradewind.gateway.wiring import FETCHES, HEARS
from tradewind.local.wirings import wirings

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
CONTRACTS = ROOT / "docs" / "architecture" / "contracts.md"
ASYNCAPI = ROOT / "docs" / "architecture" / "asyncapi.json"
BEGIN = "<!-- made by ./dev docs, from the contracts and the wirings -->"
END = "<!-- end of what ./dev docs made -->"

Contract = type[Message]


def main(words: Sequence[str]) -> int:
    stale = {path: text for path, text in pages().items() if not path.exists() or path.read_text() != text}
    if "--check" in words:
        print("".join(f"{path.relative_to(ROOT)} is out of date: run ./dev docs\n" for path in stale), end="")
        return 1 if stale else 0
    for path, text in stale.items():
        path.write_text(text)
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


def pages() -> dict[Path, str]:
    """The whole text of each page, as the code would have it now."""
    contracts()  # all of them are to be known to the AsyncAPI document
    return {
        README: with_picture(README.read_text()),
        CONTRACTS: reference(),
        ASYNCAPI: f"{json.dumps(asyncapi(), indent=1, ensure_ascii=False)}\n",
    }


# ---- what there is


@cache
def contracts() -> tuple[Contract, ...]:
    """Every message: those of the common contracts, and those between a service and its hands."""
    common = pkgutil.iter_modules(common_contracts.__path__, f"{common_contracts.__name__}.")
    modules = [*(one.name for one in common), *(f"tradewind.{service}.contracts" for service in services())]
    for module in modules:
        if importlib.util.find_spec(module) is not None:
            importlib.import_module(module)
    return tuple(one for one in registry.contracts() if one.__module__ in modules)


def services() -> tuple[str, ...]:
    return tuple(sorted(folder.name for folder in (ROOT / "services").iterdir() if (folder / "src").is_dir()))


def hearers(contract: Contract) -> list[str]:
    """The services that have a reaction to it, or answer it."""
    heard = {
        wiring.service
        for wiring in wirings()
        if any(issubclass(contract, reaction.on) for reaction in wiring.reactions)
    }
    if issubclass(contract, Event) and "evt.>" in HEARS["EVENTS"]:
        heard.add("gateway")
    if contract.subjects() == FETCHES:
        heard.add("gateway")
    if issubclass(contract, Want):
        heard.add("agent")
    if contract.subjects().startswith("qry."):
        heard.add(contract.owner)
    return sorted(heard)


def senders(contract: Contract) -> list[str]:
    if issubclass(contract, Event | Report):
        return [contract.owner]
    return sorted(service for service in services() if contract in made_by(service))


@cache
def made_by(service: str) -> frozenset[Contract]:
    """The contracts that a service's modules make, or import though they are another service's to take."""
    found: set[Contract] = set()
    for path in (ROOT / "services" / service / "src").rglob("*.py"):
        tree = ast.parse(path.read_text())
        known = dict(_imported(tree))
        calls = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
        called = {func.id for func in calls if isinstance(func, ast.Name)}
        found |= {
            one
            for name, one in known.items()
            if name in called or (issubclass(one, Command) and one.owner != service)
        }
    return frozenset(found)


def _imported(tree: ast.Module) -> Iterator[tuple[str, Contract]]:
    by_place = {(one.__module__, one.__qualname__): one for one in contracts()}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for name in node.names:
                if (one := by_place.get((node.module, name.name))) is not None:
                    yield name.asname or name.name, one


# ---- the picture


def with_picture(readme: str) -> str:
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n```mermaid\n{picture()}```\n{END}{after}"


def picture() -> str:
    """The mermaid text: solid arrows are what is published, dotted ones what is asked of somebody."""
    lines = ["flowchart TB", '    people(["tw, SDK, browser: HTTP"]) -.-> gateway']
    lines += ['    subgraph control ["control plane"]', *(f"        {name}" for name in _drawn()), "    end"]
    lines += [f'    {source} -->|"{_words(labels)}"| {target}' for (source, target), labels in _published()]
    lines += [f'    {source} -.->|"{_words(labels)}"| {target}' for (source, target), labels in _asked()]
    lines += [
        f'    control -->|"every event"| {hearer}' for hearer in ("gateway", 'outside(["subscribers"])')
    ]
    return "".join(f"{line}\n" for line in lines)


Arrows = list[tuple[tuple[str, str], list[str]]]


def _drawn() -> list[str]:
    """The services of the control plane that say or hear something; the gateway stands at its edge."""
    heard = {wiring.service for wiring in wirings() if wiring.reactions}
    return sorted(heard - {"gateway", "agent"})


def _published() -> Arrows:
    """By (who says it, who hears it), the nouns. What somebody says to itself is not drawn."""
    found: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for contract in contracts():
        label = contract.noun if issubclass(contract, Event | Want) else f"said.{contract.name}"
        if issubclass(contract, Event | Want | Said):
            for sender in senders(contract):
                for hearer in hearers(contract):
                    if sender != hearer and not (issubclass(contract, Event) and hearer == "gateway"):
                        found[sender, hearer].append(label)
    if "log.>" in NODES_IMPORTS:  # a log's pieces are bytes, and no contract of the registry
        found["agent", "gateway"].append("log")
    return sorted(found.items())


def _asked() -> Arrows:
    """By (who asks, who is asked), the names of commands and queries; `restate…` is left to the text."""
    found: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for contract in contracts():
        if issubclass(contract, Event | Want | Said | Report) or contract.name.startswith("restate"):
            continue
        for sender in senders(contract):
            for hearer in hearers(contract):
                if sender != hearer:
                    found[sender, hearer].append(contract.name)
    return sorted(found.items())


def _words(labels: Iterable[str]) -> str:
    return ", ".join(sorted(set(labels)))


# ---- the reference

HEAD = """\
# Contracts

Made by `./dev docs` from the code: do not edit. The declarations are the modules of
[`tradewind.common.contracts`](../../libs/common/src/tradewind/common/contracts/), one an owner's noun.

- **Events** say what happened and carry the owner's public state after it (its *level*). Only the owner
  publishes under its nouns. On the stream EVENTS.
- **Commands** ask the owner of a thing to do something; durable, on the stream COMMANDS. A `restate…` asks it
  to say a level again: a row that may have missed something sends it when it wakes.
- **Wants** are what a node shall run, the last value a subject, on WANT. **Saids** are what nodes and
  **reports** what hands saw, on SAID.
- **Requests** are answered at once or not at all; no stream keeps them.

`*` in a subject stands for the workspace (`evt.*.…`) or the node (`said.*.…`). Bodies are JSON; the
CloudEvents attributes are in the headers (`envelope.py`). What a kind has in common is said at its head.
"""

EVENTS = """\
## Events

Each holds one level under the noun's name: `{"job": {…}}`. Every level has an `id`, a `workspace` and a
`version` (of its owner's row: a reader ignores what is not newer than what it saw).
"""

COMMON = {
    Command: "Every command has the `id` of the thing that it is about, and its `workspace`.",
    Want: "Every want names a `node` and a `job`.",
    Said: "Every said names its `node`, as its subject does: the bus lets a node speak for itself alone.",
    Report: "Every report names the `intent` that it answers, and its `target`, the thing that it is about.",
}
TITLES = {Command: "Commands", Want: "Wants", Said: "Saids", Report: "Reports of hands"}


def reference() -> str:
    parts = [HEAD, EVENTS]
    for noun, events in _by_noun(one for one in contracts() if issubclass(one, Event)):
        parts.append(_events_of(noun, events))
    for kind, title in TITLES.items():
        members = [one for one in contracts() if issubclass(one, kind)]
        parts.append(_section(title, members, common=kind, intro=COMMON[kind]))
    rest = [one for one in contracts() if not issubclass(one, (Event, *TITLES))]
    parts.append(_section("Requests and answers", rest))
    parts.append(_values())
    return "\n".join(parts)


def _by_noun(events: Iterable[Contract]) -> list[tuple[str, list[Contract]]]:
    found: defaultdict[str, list[Contract]] = defaultdict(list)
    for event in events:
        found[event.noun].append(event)
    return sorted(found.items(), key=lambda item: (item[1][0].owner, item[0]))


def _events_of(noun: str, events: Sequence[Contract]) -> str:
    level = next(kind for kind in _values_under(events[0]) if issubclass(kind, Level))
    heard = _bold(sorted(set().union(*map(hearers, events))))
    parts = [
        f"### {noun}\n",
        f"Owned by **{events[0].owner}**, heard by {heard}. Subject `evt.*.{noun}.<event>`, type",
        f"`tradewind.{noun}.<event>`.\n",
        _table(("event", ""), [(f"`{one.name}`", _doc(one)) for one in sorted(events, key=_order)]),
        f"Level `{level.__name__}`: {_doc(level)}\n",
        _fields(level, but=Level),
    ]
    return "\n".join(parts)


def _section(title: str, members: Sequence[Contract], *, common: Contract = Message, intro: str = "") -> str:
    parts = [f"## {title}\n", *([f"{intro}\n"] if intro else [])]
    for one in sorted(members, key=lambda one: (one.owner, _order(one))):
        subject = f"`{one.subjects()}`" if one.subjects() else "the answer to a request"
        who = f"Sent by {_bold(senders(one))}" + (
            f", taken by {_bold(hearers(one))}." if hearers(one) else "."
        )
        parts.append(f"### {one.__name__}\n\n{subject}, type `{one.type_name}`. {who}\n\n{_doc(one)}\n")
        parts.append(_fields(one, but=common))
    return "\n".join(part for part in parts if part)


def _values() -> str:
    """What the fields above are made of, each once."""
    found = {kind for one in contracts() for kind in _types_under(one)}
    told = {kind.__name__: kind for kind in found if not issubclass(kind, Level | Message)}
    parts = ["## Values\n"]
    for _, kind in sorted(told.items()):
        parts += [f"### {kind.__name__}\n", *([f"{_doc(kind)}\n"] if _doc(kind) else [])]
        parts.append(_members(kind) if issubclass(kind, Enum) else _fields(kind))
    return "\n".join(parts)


def _fields(kind: type, *, but: type[BaseModel] = Value) -> str:
    own = [(name, told) for name, told in _annotated(kind).items() if name not in but.model_fields]
    return _table(("field", "type", ""), [(f"`{name}`", f"`{written}`", doc) for name, (written, doc) in own])


def _members(kind: type[Enum]) -> str:
    told = _docs_of(kind)
    return _table(("value", ""), [(f"`{one.value}`", told.get(one.name, ("", ""))[1]) for one in kind])


def _annotated(kind: type) -> Mapping[str, tuple[str, str]]:
    """By field: its type as it is written, and what is said of it; those of the bases first."""
    found: dict[str, tuple[str, str]] = {}
    for base in reversed(kind.__mro__):
        if issubclass(base, Value) and base is not Value:
            found |= {name: told for name, told in _docs_of(base).items() if name in base.model_fields}
    return found


@cache
def _docs_of(kind: type) -> Mapping[str, tuple[str, str]]:
    """By attribute of a class body: its annotation, and the string under it."""
    [declared] = ast.parse(inspect.cleandoc(f"\n{inspect.getsource(kind)}")).body
    assert isinstance(declared, ast.ClassDef)
    found: dict[str, tuple[str, str]] = {}
    name = ""
    for statement in declared.body:
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation):
                found[name] = (_type(annotation), "")
            case ast.Assign(targets=[ast.Name(id=name)]):
                found[name] = ("", "")
            case ast.Expr(value=ast.Constant(value=str(told))) if name:
                found[name] = (found[name][0], " ".join(told.split()))
            case _:
                name = ""
    return found


def _type(annotation: ast.expr) -> str:
    match annotation:
        case ast.Subscript(value=ast.Name(id="Annotated"), slice=ast.Tuple(elts=[plain, *_])):
            return _type(plain)
        case ast.BinOp(left=left, right=right):
            return f"{_type(left)} or {_type(right)}".replace("None", "null")
        case _:
            return ast.unparse(annotation)


def _values_under(kind: type) -> Iterator[type[Value]]:
    for one in _types_under(kind):
        if issubclass(one, Value) and not issubclass(one, Message):
            yield one


@cache
def _types_under(kind: type) -> tuple[type, ...]:
    """Every model and enum that the fields of a model hold, at any depth."""
    found: dict[type, None] = {}
    todo = [kind]
    while todo:
        one = todo.pop()
        if issubclass(one, BaseModel):
            parts = [part for field in one.model_fields.values() for part in _parts(field.annotation)]
            new = dict.fromkeys(part for part in parts if part not in found)
            found |= new
            todo += new
    return tuple(found)


def _parts(annotation: object) -> Iterator[type]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel | Enum):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _parts(inner)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    rows = list(rows)
    lines = [head, ["---"] * len(head), *rows] if rows else []
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def _doc(kind: type) -> str:
    """The first paragraph of its docstring."""
    text = inspect.cleandoc(kind.__dict__.get("__doc__") or "")
    return " ".join(re.split(r"\n\s*\n", text)[0].split())


def _bold(names: Sequence[str]) -> str:
    return ", ".join(f"**{name}**" for name in names) or "nobody yet"


def _order(one: Contract) -> int:
    """As they are declared."""
    return inspect.getsourcelines(one)[1]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
