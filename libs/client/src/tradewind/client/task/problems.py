"""What is wrong with a task, said so that a person can mend it: where, what, and what to write instead."""

from collections.abc import Iterable
from dataclasses import dataclass

from tradewind.client.errors import TradewindError


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a file. Line and column count from 1, as editors do."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `field` is a dotted path of the file, or an option such as `--cpus`."""

    field: str
    text: str
    at: Position | None = None


class TaskRefused(TradewindError, ValueError):
    """A task that cannot be read. `problems` are all that were found, in the order of the file."""

    def __init__(self, file: str, problems: Iterable[Problem]) -> None:
        self.file = file
        self.problems = tuple(sorted(problems, key=lambda problem: problem.at or Position(0, 0)))
        super().__init__("\n".join(map(self._line, self.problems)))

    def _line(self, problem: Problem) -> str:
        subject = f"{problem.field}: " if problem.field else ""
        if problem.at is None:
            return f"{subject or f'{self.file}: '}{problem.text}"
        return f"{self.file}:{problem.at.line}:{problem.at.column}: {subject}{problem.text}"
