"""What the gateway is told beside what every service is told."""

import getpass
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tradewind.common.endpoint import TOKEN_FILE
from tradewind.common.runtime.grant_key import grant_key_file
from tradewind.common.runtime.settings import SettingMissing, Settings

LOOPBACK = "127.0.0.1"
PORT = 7433
BLOB_LIMIT_MIB = 4096


@dataclass(frozen=True, slots=True)
class GatewaySettings:
    service: Settings
    host: str
    port: int
    """0: any that is free."""
    token_file: Path
    grant_key_file: Path
    blobs: Path
    blob_limit: int
    """In bytes."""
    user: str
    """Whose the token is."""

    @classmethod
    def from_env(cls, service: Settings, environ: Mapping[str, str] = os.environ) -> "GatewaySettings":
        """Raises SettingMissing for what is set but makes no sense."""
        return cls(
            service=service,
            host=environ.get("TRADEWIND_GATEWAY_HOST") or LOOPBACK,
            port=_number(environ, "TRADEWIND_GATEWAY_PORT", PORT),
            token_file=Path(environ.get("TRADEWIND_TOKEN_FILE") or service.home / TOKEN_FILE),
            grant_key_file=grant_key_file(service.home, environ),
            blobs=service.home / "blobs",
            blob_limit=_number(environ, "TRADEWIND_GATEWAY_BLOB_LIMIT_MIB", BLOB_LIMIT_MIB) * 2**20,
            user=environ.get("TRADEWIND_USER") or getpass.getuser(),
        )

    def token(self) -> str:
        """Raises SettingMissing."""
        try:
            token = self.token_file.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            token = ""
        if not token:
            raise SettingMissing(
                f"{self.token_file} holds no token: put one there (mode 0600), or set TRADEWIND_TOKEN_FILE"
            )
        return token


def _number(environ: Mapping[str, str], name: str, default: int) -> int:
    said = environ.get(name) or str(default)
    if not said.isdecimal():
        raise SettingMissing(f"{name} is {said!r}; write it as a number such as {default}")
    return int(said)
