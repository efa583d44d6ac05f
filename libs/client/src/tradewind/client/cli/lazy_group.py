"""A click group that loads a command's module when the command is called, not to list it."""

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from tradewind.client.lazy import LazyModule

if TYPE_CHECKING:  # needed for a word that is no command
    import difflib
else:
    difflib = LazyModule("difflib")


class LazyGroup(click.Group):
    """`lazy` maps the name of a command to its `module:attribute` in `commands_in`, and its line of help."""

    def __init__(
        self, *args: Any, commands_in: str, lazy: Mapping[str, tuple[str, str]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._package = commands_in
        self.lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.lazy:
            return None
        module, _, attribute = self.lazy[cmd_name][0].partition(":")
        return getattr(importlib.import_module(f"{self._package}.{module}"), attribute)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in self.lazy and not name.startswith("-"):
            near = difflib.get_close_matches(name, self.lazy, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(self.lazy)}"
            ctx.fail(f"there is no command {name!r}: {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_line) for name, (_, help_line) in self.lazy.items()])
