"""The one place where what goes wrong between us and NATS becomes `Unavailable`."""

from collections.abc import Generator
from contextlib import contextmanager

import nats.errors
import nats.js.errors

from tradewind.common.reactor.ports import Unavailable


@contextmanager
def unavailable(what: str) -> Generator[None]:
    """Raise `Unavailable`, in a sentence that begins with `what`, for a fault of NATS or of the way to it."""
    try:
        yield
    except (nats.errors.Error, TimeoutError, OSError) as error:
        raise Unavailable(f"{what}: {reason(error)}") from error


def reason(error: BaseException) -> str:
    """A fault of NATS in plain words."""
    match error:
        case nats.js.errors.APIError(description=str(description)):
            return description
        case nats.errors.NoRespondersError() | nats.js.errors.NoStreamResponseError():
            return "nobody answers there"
        case TimeoutError():
            return "no answer in time"
        case nats.errors.ConnectionClosedError():
            return "the connection is closed"
        case nats.errors.UnexpectedEOF():
            return "the server closed the connection"
        case ConnectionRefusedError():
            return "nothing listens there"
        case _:
            return (str(error) or type(error).__name__).removeprefix("nats: ")
