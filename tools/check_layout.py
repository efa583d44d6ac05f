"""Checks the rules of this repository that neither ruff nor import-linter knows.

Prints `path:line: what is wrong` for each breach; exit code 1 if there is one.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAX_LINES = 600
# They gather what has no name of its own yet; the name of the idea is the better one.
NAMELESS = {"utils.py", "util.py", "helpers.py", "helper.py", "manager.py", "misc.py"}
IGNORE = re.compile(r"#\s*(?:noqa|type: ignore|pyright: ignore)(?::[\s,A-Z\d]+\d|\[[\w, ]+\])?(?P<reason>.*)")


def main() -> int:
    breaches = sorted([*breaches_of_members(), *breaches_of_pins(), *breaches_of_files()])
    if breaches:
        print("\n".join(breaches))
    return 1 if breaches else 0


def breaches_of_members() -> Iterator[str]:
    """Each member is one portion of the namespace: `<folder>/src/tradewind/<the folder's name>`."""
    for project in [*ROOT.glob("libs/*/pyproject.toml"), *ROOT.glob("services/*/pyproject.toml")]:
        namespace = project.parent / "src" / "tradewind"
        own = namespace / project.parent.name
        if (namespace / "__init__.py").exists():
            yield f"{relative(namespace)}/__init__.py:1: it would hide the other portions of the namespace"
        for needed in ("__init__.py", "py.typed"):
            if not (own / needed).exists():
                yield f"{relative(own)}/{needed}:1: is missing"
        for portion in namespace.iterdir():
            if portion.is_dir() and portion not in {own, namespace / "__pycache__"}:
                yield f"{relative(portion)}:1: belongs into another member"


def breaches_of_pins() -> Iterator[str]:
    for number, line in enumerate((ROOT / "requirements.txt").read_text().splitlines(), 1):
        if "://" in line:
            yield f"requirements.txt:{number}: holds an address; make it with ./dev lock"


def breaches_of_files() -> Iterator[str]:
    for top in ("libs", "services", "tests", "tools", "bench", "examples"):
        for path in (ROOT / top).rglob("*.py"):
            for number, breach in breaches_of_file(path):
                yield f"{relative(path)}:{number}: {breach}"


def breaches_of_file(path: Path) -> Iterator[tuple[int, str]]:
    text = path.read_text()
    lines = text.splitlines()
    if path.name in NAMELESS:
        yield 1, "name the file after what it is for"
    if len(lines) > MAX_LINES and not excused(path):
        yield (
            1,
            f"{len(lines)} lines: over {MAX_LINES}, a page in docs/decisions must name the file and say why",
        )
    for number, line in enumerate(lines, 1):
        if (ignore := IGNORE.search(line)) and len(ignore["reason"].split()) < 2:
            yield number, "say beside the ignore, in some words, why it is right"
    folders = path.relative_to(ROOT).parts[:-1]
    if "src" in folders and not {"domain", "contracts"}.isdisjoint(folders):
        yield from impurities(ast.parse(text))
    if "src" in folders and "domain" in folders:
        yield from untyped(ast.parse(text))


def excused(path: Path) -> bool:
    return any(relative(path) in page.read_text() for page in ROOT.glob("docs/decisions/*.md"))


def impurities(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """What import-linter cannot see: single names in modules that are allowed as such."""
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module="uuid", names=names) if not is_plain_uuid(
                {name.name for name in names}
            ):
                yield node.lineno, "ids come from the context: of uuid's, only uuid5 always gives the same"
            case ast.Attribute(value=ast.Name(id="uuid"), attr=attr) if not is_plain_uuid({attr}):
                yield node.lineno, "ids come from the context: of uuid's, only uuid5 always gives the same"
            case ast.Attribute(value=ast.Name(id="datetime" | "date"), attr="now" | "utcnow" | "today"):
                yield node.lineno, "the time comes from the context"
            case ast.Call(func=ast.Name(id="open" | "print" | "input" as called)):
                yield node.lineno, f"{called}() is I/O, and here is none"
            case ast.AsyncFunctionDef():
                yield node.lineno, "what decides does not wait"
            case _:
                pass


def is_plain_uuid(names: set[str]) -> bool:
    return all(name in {"UUID", "uuid5"} or name.startswith("NAMESPACE_") for name in names)


def untyped(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module="typing", names=names) if any(name.name == "Any" for name in names):
                yield node.lineno, "say the type: no Any in a domain"
            case ast.Attribute(value=ast.Name(id="typing"), attr="Any"):
                yield node.lineno, "say the type: no Any in a domain"
            case _:
                pass


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


if __name__ == "__main__":
    sys.exit(main())
