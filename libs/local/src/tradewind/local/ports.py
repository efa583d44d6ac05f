"""Free ports on the loopback interface."""

import errno
import random
import socket
from collections.abc import Container

LOOPBACK = "127.0.0.1"
# Below what Linux (32768 up) and macOS (49152 up) give to outgoing connections: one of those must not
# hold the port of a stopped server when it comes back.
CANDIDATES = range(18_000, 32_000)


def is_free(port: int) -> bool:
    """Whether a server could listen there now; nothing keeps it free."""
    with socket.socket() as probe:
        # As the servers do: what lingers from closed connections is no hindrance.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen()
        except OSError as error:
            if error.errno in {errno.EADDRINUSE, errno.EACCES}:
                return False
            raise
    return True


def choose_port(*, avoid: Container[int] = ()) -> int:
    """A free port, by chance, so that homes which start together rarely choose the same."""
    for port in random.sample(CANDIDATES, k=200):
        if port not in avoid and is_free(port):
            return port
    raise OSError(errno.EADDRINUSE, f"no free port among 200 of {CANDIDATES.start}–{CANDIDATES.stop - 1}")
