"""`tw config`: settings of the local stack, kept in `config.yaml` of its home."""

from typing import Any

import click
import yaml

from tradewind.client.cli.output import output_option, show_json
from tradewind.client.errors import TradewindError
from tradewind.client.records import Json
from tradewind.common.endpoint import home_folder
from tradewind.common.private_files import write_private

FILE = "config.yaml"
COUNT = click.IntRange(1, 10_000)
SCRIPT = click.Path(exists=True, dir_okay=False, resolve_path=True)
# What is known: its kind, and what it means.
SETTINGS: dict[str, tuple[click.ParamType[Any], str]] = {
    "local.nodes": (COUNT, "how many nodes this machine plays (default: 2)"),
    "local.slots": (COUNT, "how many CPUs each of them has to give (default: the cores of this machine)"),
    "mock.script": (
        SCRIPT,
        "the file that describes scripted clouds, to practise outages on (default: none)",
    ),
}


class ConfigDamaged(TradewindError, ValueError):
    """The file holds something else than settings."""


@click.group()
def config() -> None:
    """Settings of the local stack. They hold from its next start on."""


@config.command()
@click.argument("key", required=False)
@output_option
def get(*, key: str | None, output: str) -> None:
    """Show one setting, or all that are set."""
    if key is not None:
        _check_key(key)
    known = {name: value for name in SETTINGS if (value := _look(_read(), name)) is not None}
    shown = {key: known.get(key)} if key is not None else known
    if output == "json":
        show_json(shown)
    elif key is not None:
        click.echo(known.get(key, "not set"))
    else:
        click.echo("\n".join(f"{name} = {value}" for name, value in known.items()) or "nothing is set")


@config.command()
@click.argument("key")
@click.argument("value")
@click.pass_context
def set(ctx: click.Context, *, key: str, value: str) -> None:
    """Set one: `tw config set local.nodes 4`."""
    _check_key(key)
    known = SETTINGS[key][0].convert(value, _VALUE, ctx)
    whole = _read()
    section, _, name = key.partition(".")
    if not isinstance(whole.setdefault(section, {}), dict):
        raise ConfigDamaged(f"{home_folder() / FILE}: {section} is no mapping: mend it, or delete the file")
    whole[section][name] = known
    _write(whole)


@config.command()
@click.argument("key")
def unset(*, key: str) -> None:
    """Forget one: its default holds again."""
    _check_key(key)
    whole = _read()
    section, _, name = key.partition(".")
    if _look(whole, key) is not None:
        del whole[section][name]
        _write(whole)


_VALUE = click.Argument(["value"])
"""What refusals of a value speak of."""


def _write(whole: dict[str, Json]) -> None:
    home_folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(home_folder() / FILE, yaml.safe_dump(whole, sort_keys=True))


def _check_key(key: str) -> None:
    if key not in SETTINGS:
        known = "; ".join(f"{name}: {meaning}" for name, (_, meaning) in SETTINGS.items())
        raise click.UsageError(f"there is no setting {key!r}. There are {known}")


def _look(whole: dict[str, Json], key: str) -> Json:
    section, _, name = key.partition(".")
    inner = whole.get(section)
    return inner.get(name) if isinstance(inner, dict) else None


def _read() -> dict[str, Json]:
    file = home_folder() / FILE
    try:
        whole = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigDamaged(f"{file} is not YAML: mend it, or delete it") from error
    if whole is None:
        return {}
    if not isinstance(whole, dict):
        raise ConfigDamaged(f"{file} is no mapping: mend it, or delete it")
    return whole
