"""What the pages say is there is there: generated text, linked files, commands."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tradewind.client.cli import tw

ROOT = Path(__file__).resolve().parents[3]
SPAN = re.compile(r"`([^`\n]+)`")
FENCE = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE_LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
DEFINITION = re.compile(r"^\[([^\]]+)\]:\s+(\S+)$", re.MULTILINE)
REFERENCE = re.compile(r"\[([^\]\n]+\.(?:py|md|sh|toml|yaml))\](?![(\[:])")


def markdown() -> Iterator[Path]:
    for path in sorted(ROOT.rglob("*.md")):
        inner = path.relative_to(ROOT).parts[:-1]
        if not any(part.startswith(".") or part == "node_modules" for part in inner):
            yield path


PAGES = list(markdown())
# A decision or a changelog may name a command of its time.
TODAY = [page for page in PAGES if page.parent.name != "decisions" and page.name != "CHANGELOG.md"]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def test_generated_pages_are_what_the_code_gives() -> None:
    """In a process of its own: tests declare contracts too, and a registry knows all that were declared."""
    checked = subprocess.run(
        [sys.executable, "tools/docs.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text())
    defined = dict(DEFINITION.findall(text))
    undefined = [reference for reference in REFERENCE.findall(SPAN.sub("", text)) if reference not in defined]
    assert undefined == []
    targets = [*INLINE_LINK.findall(text), *defined.values()]
    files = {target.partition("#")[0] for target in targets if "://" not in target}
    assert [file for file in sorted(files) if not (page.parent / file).exists()] == []


@pytest.mark.parametrize("page", TODAY, ids=name)
def test_commands_are_understood(page: Path) -> None:
    """Each `tw …` is parsed by the real command line, without being run; each `./dev …` is a task."""
    recipes = re.findall(r"^([a-z]+)(?: \*args)?:$", (ROOT / "justfile").read_text(), re.MULTILINE)
    for line in commands_in(page.read_text()):
        program, *words = shlex.split(line, comments=True)
        if program == "tw":
            parse(words)
        else:
            assert not words or words[0] in recipes, line


def commands_in(text: str) -> Iterator[str]:
    lines = [line for block in FENCE.findall(text) for line in block.splitlines()]
    for line in [*lines, *SPAN.findall(FENCE.sub("", text))]:
        command = line.strip().removeprefix("$ ")
        if re.match(r"(tw|\./dev)( |$)", command) and "…" not in command and "|" not in command:
            yield command


def parse(words: list[str]) -> None:
    command: click.Command = tw
    context = click.Context(tw)
    rest = [word for word in words if word not in {"--help", "-h"}]  # every command has these
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        word = rest.pop(0)
        found = command.get_command(context, word)
        assert found is not None, f"there is no {word!r} in `tw {shlex.join(words)}`"
        command = found
    if rest:
        command.make_context(command.name, rest)  # raises UsageError


def test_a_command_that_is_not_there_would_be_seen() -> None:
    with pytest.raises(AssertionError):
        parse(["jobs", "lunch"])
    with pytest.raises(click.UsageError):
        parse(["status", "--no-such-option"])
