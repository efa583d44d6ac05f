"""What `tw config` has set for a home: read once, at a start."""

from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tradewind.local.home import HomeRefused

FILE = "config.yaml"


class _Local(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    nodes: int | None = Field(default=None, ge=1)
    slots: int | None = Field(default=None, ge=1)


class _Mock(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    script: str | None = None
    """The file of the scripted clouds; a relative path counts from the home."""


class _Config(BaseModel):
    model_config = ConfigDict(extra="ignore")

    local: _Local = _Local()
    mock: _Mock = _Mock()


def environment_of(home: Path) -> dict[str, str]:
    """The settings as services are told them.

    Raises:
        HomeRefused: the file is no YAML, or holds something else than settings.
    """
    file = home / FILE
    try:
        config = _Config.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")) or {})
    except FileNotFoundError:
        return {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise HomeRefused(f"{file} is not YAML: mend it, or delete it") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise HomeRefused(f"{file}: {where}: {first['msg']}; set it with `tw config set`") from error
    script = config.mock.script
    told = {
        "TRADEWIND_LOCAL_NODES": config.local.nodes,
        "TRADEWIND_LOCAL_SLOTS": config.local.slots,
        "TRADEWIND_MOCK": home / Path(script).expanduser() if script else None,
    }
    return {name: str(value) for name, value in told.items() if value is not None}
