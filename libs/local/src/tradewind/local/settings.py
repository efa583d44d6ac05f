"""Ports and passwords of one home, made when first asked for and kept: a restart is found where it was."""

import secrets

from pydantic import BaseModel, ValidationError

from tradewind.common.private_files import write_private
from tradewind.local.home import Home, HomeRefused
from tradewind.local.ports import choose_port, is_free


class _Kept(BaseModel):
    ports: dict[str, int] = {}
    passwords: dict[str, str] = {}


class Settings:
    """What `secrets.json` holds. Used by the holder of the home's lock only."""

    def __init__(self, home: Home) -> None:
        """Read what is kept.

        Raises:
            HomeRefused: the file is damaged.
        """
        self._file = home.settings_file
        try:
            self._kept = _Kept.model_validate_json(self._file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            self._kept = _Kept()
        except ValidationError as error:
            raise HomeRefused(
                f"{self._file} is damaged ({error.errors()[0]['msg']}): restore it, "
                f"or remove the home {home.folder} to start anew without its state"
            ) from error

    def port(self, server: str) -> int:
        """The server's port as it was, or another one if somebody else listens there now."""
        kept = self._kept.ports.get(server)
        return kept if kept is not None and is_free(kept) else self.new_port(server)

    def new_port(self, server: str) -> int:
        """Another port than the one that is kept."""
        port = self._kept.ports[server] = choose_port(avoid=self._kept.ports.values())
        self._keep()
        return port

    def password(self, user: str) -> str:
        """The password of a user such as `nats.scheduler`: 32 random bytes in the letters of a URL."""
        if user not in self._kept.passwords:
            self._kept.passwords[user] = secrets.token_urlsafe(32)
            self._keep()
        return self._kept.passwords[user]

    def _keep(self) -> None:
        write_private(self._file, self._kept.model_dump_json(indent=1))
