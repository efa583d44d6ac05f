"""The control plane that a command talks to: the one that is set, else the local stack, which is started."""

import importlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from tradewind.client.cli.output import note
from tradewind.client.client import Client
from tradewind.client.endpoint import Endpoint
from tradewind.client.errors import TradewindError
from tradewind.client.lazy import LazyModule

if TYPE_CHECKING:  # not needed where an endpoint is set
    from tradewind.common import endpoint as local
else:
    local = LazyModule("tradewind.common.endpoint")


class LocalFailed(TradewindError):
    """The local stack could not be started, or something about it could not be done."""


class LocalStack(Protocol):
    """`tradewind.local.api`: a package above this one, and not always installed, so it is loaded by name."""

    start: "Callable[[Path], local.Endpoint]"
    stop: Callable[[Path], bool]
    uninstall: Callable[[Path], None]
    logs: Callable[..., Iterator[str]]
    HomeRefused: type[Exception]
    NotStarted: type[Exception]


def local_stack() -> LocalStack:
    """What starts and stops the stack of this machine.

    Raises:
        LocalFailed: it is not installed.
    """
    try:
        return cast("LocalStack", importlib.import_module("tradewind.local.api"))
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("tradewind.local"):
            raise
        raise LocalFailed(
            "the local stack is not installed: `pip install tradewind-local`, or set TRADEWIND_ENDPOINT to a "
            "control plane elsewhere"
        ) from error


@contextmanager
def connected() -> Generator[Client]:
    """A client of the control plane that is set, else of the local one, started if it does not run."""
    endpoint = Endpoint.from_env() or Endpoint.of_home() or start_local()
    with Client(endpoint.url, endpoint.token) as client:
        yield client


def start_local() -> Endpoint:
    """Raises LocalFailed."""
    stack, home = local_stack(), local.home_folder()
    note("starting the local stack…")
    try:
        started = stack.start(home)
    except (stack.NotStarted, stack.HomeRefused) as error:
        raise LocalFailed(str(error)) from error
    return Endpoint(started.url, local.read_token(home))
