"""Times as options: `--for 5m`."""

import click

from tradewind.common.durations import seconds


class DurationType(click.ParamType[float]):
    """Seconds."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, int | float):
            return float(value)
        try:
            return seconds(str(value))
        except ValueError as why:
            self.fail(str(why), param, ctx)


TIME = DurationType()
