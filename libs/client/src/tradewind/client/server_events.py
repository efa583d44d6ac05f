"""Server-sent events (WHATWG HTML, section 9.2) out of the bytes of one connection. No I/O."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event. `id` is the last id seen so far, to be sent back as `Last-Event-ID`."""

    name: str
    data: str
    id: str


class Decoder:
    """Puts events together. One decoder a connection; it outlives none."""

    def __init__(self) -> None:
        self._rest = b""
        self._id = ""
        self._name = ""
        self._data: list[str] = []

    def feed(self, content: bytes) -> Iterator[ServerEvent]:
        """Take in what arrived, however it was cut; yields the events that it completes."""
        *lines, self._rest = (self._rest + content).split(b"\n")
        for line in lines:
            if event := self._line(line.rstrip(b"\r").decode(errors="replace")):
                yield event

    def _line(self, line: str) -> ServerEvent | None:
        if not line:
            event = (
                ServerEvent(self._name or "message", "\n".join(self._data), self._id) if self._data else None
            )
            self._name, self._data = "", []
            return event
        name, _, value = line.partition(":")  # a comment has an empty name, which is none of these
        value = value.removeprefix(" ")
        match name:
            case "data":
                self._data.append(value)
            case "event":
                self._name = value
            case "id" if "\0" not in value:
                self._id = value
            case _:
                pass
        return None
