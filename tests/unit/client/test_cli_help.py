"""The table of commands, which is shown without loading them, says what they say of themselves."""

from collections.abc import Iterator

import click

from tradewind.client.cli import tw
from tradewind.client.cli.lazy_group import LazyGroup


def commands(group: click.Group, path: str = "tw") -> Iterator[tuple[str, str | None, click.Command]]:
    """(path, its line in the table of a lazy group, the command)"""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        line = group.lazy[name][1] if isinstance(group, LazyGroup) else None
        yield f"{path} {name}", line, command
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")


def test_every_command_is_there_and_helps():
    found = {path: command for path, _, command in commands(tw)}
    assert {
        "tw launch",
        "tw jobs launch",
        "tw api dlq",
        "tw api dlq redrive",
        "tw config set",
    } <= found.keys()
    for path, command in found.items():
        assert command.help, path
        for parameter in command.params:
            assert isinstance(parameter, click.Argument) or parameter.help, f"{path} {parameter.name}"


def test_options_are_called_the_same_everywhere():
    shorts: dict[str, set[str]] = {}
    for _, _, command in commands(tw):
        for parameter in command.params:
            for option in parameter.opts:
                if len(option) == 2 and option != "-n":
                    shorts.setdefault(option, set()).add(str(parameter.name))
    assert shorts == {
        "-a": {"every"}, "-c": {"cluster"}, "-d": {"detach"}, "-f": {"follow", "following"}, "-o": {"output"},
        "-s": {"phases"}, "-w": {"rank"}, "-y": {"yes"},
    }  # fmt: skip
