"""Task files: the YAML that people hand to `tw`, and what becomes of it."""

from tradewind.client.task.files import task_from_bytes, task_from_file
from tradewind.client.task.parse import (
    COMMAND_NAME,
    Overrides,
    Task,
    from_command,
    parse,
    parse_node,
    restarts_of,
)
from tradewind.client.task.problems import Position, Problem, TaskRefused

__all__ = [
    "COMMAND_NAME",
    "Overrides",
    "Position",
    "Problem",
    "Task",
    "TaskRefused",
    "from_command",
    "parse",
    "parse_node",
    "restarts_of",
    "task_from_bytes",
    "task_from_file",
]
