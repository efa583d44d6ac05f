"""Where the control plane answers, and with which token."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from tradewind.client.errors import TradewindError, Unavailable
from tradewind.client.lazy import LazyModule

if TYPE_CHECKING:  # not needed where an endpoint is set
    from tradewind.common import endpoint as local
else:
    local = LazyModule("tradewind.common.endpoint")

URL_VARIABLE = "TRADEWIND_ENDPOINT"
TOKEN_VARIABLE = "TRADEWIND_TOKEN"


class BadEndpoint(TradewindError, ValueError):
    """The address that was given is none."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address such as `http://127.0.0.1:7433`, and the token that is sent to it."""

    url: str
    token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise BadEndpoint(
                f"{self.url!r} is no address of a control plane: write it as http://127.0.0.1:7433"
            )

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Self | None:
        """What `TRADEWIND_ENDPOINT` and `TRADEWIND_TOKEN` say; None if no endpoint is set."""
        url = environ.get(URL_VARIABLE)
        return cls(url.rstrip("/"), environ.get(TOKEN_VARIABLE)) if url else None

    @classmethod
    def of_home(cls, home: Path | None = None) -> Self | None:
        """The local stack of a home (the one of `TRADEWIND_HOME`); None if it does not run."""
        home = home or local.home_folder()
        running = local.Endpoint.read(home)
        return cls(running.url, local.read_token(home)) if running else None

    @classmethod
    def find(cls) -> Self:
        """The one that is set, else that of the local stack.

        Raises:
            Unavailable: none is set and the local stack does not run.
        """
        found = cls.from_env() or cls.of_home()
        if found is None:
            raise Unavailable(
                f"no control plane runs here: start one with `tw api start`, or set {URL_VARIABLE}"
            )
        return found
