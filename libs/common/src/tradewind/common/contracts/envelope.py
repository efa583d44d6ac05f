"""A message on its way: CloudEvents 1.0 in binary content mode over NATS headers.

`ce-id, ce-type, ce-source, ce-subject, ce-time` as in the CloudEvents NATS protocol binding; `traceparent`
as in W3C Trace
Context; `tw-cause` is the id of the input that led to it, `tw-correlation` the id of the thing (mostly a
job) for which
all of it happens, `tw-link` a trace that this one continues without being part of it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from pydantic import ValidationError

from tradewind.common.contracts.registry import Message, contract


class Envelope(NamedTuple):
    """One message with its context. `id` is unique to the message and equal for its duplicates."""

    id: str
    message: Message
    source: str
    time: datetime
    correlation: str
    cause: str = ""
    traceparent: str = ""
    link: str = ""
    redriven: bool = False
    """A person sent it again from the dead letters: it may wake a parked row."""


class Packet:
    """What the bus carries; not to be changed. One that was made here (`encode`) still has its envelope, and
    becomes bytes when somebody needs them.
    """

    __slots__ = ("_body", "_envelope", "headers", "subject")

    def __init__(self, subject: str, headers: Mapping[str, str], body: bytes | Envelope) -> None:
        self.subject = subject
        self.headers = headers
        self._body, self._envelope = (body, None) if isinstance(body, bytes) else (None, body)

    @property
    def body(self) -> bytes:
        if self._body is None:
            self._body = self._envelope.message.model_dump_json().encode() if self._envelope else b""
        return self._body

    def opened(self) -> Envelope:
        """What `decode` returns: read once, however many read it. Raises Undecodable."""
        if self._envelope is None:
            self._envelope = _read(self)
        return self._envelope

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Packet) and (
            (self.subject, self.headers, self.body) == (other.subject, other.headers, other.body)
        )

    __hash__ = None  # type: ignore[assignment] # headers are a dict

    def __repr__(self) -> str:
        return f"Packet({self.subject!r}, {self.headers!r}, {self.body!r})"


class Undecodable(ValueError):
    """A packet that is no message of ours. The text says why, in one sentence."""


def encode(envelope: Envelope) -> Packet:
    message = envelope.message
    headers = {
        "ce-specversion": "1.0",
        "ce-id": envelope.id,
        "ce-type": message.type_name,
        "ce-source": envelope.source,
        "ce-subject": message.about,
        "ce-time": envelope.time.isoformat(),
        "content-type": "application/json",
        "Nats-Msg-Id": envelope.id,
        "tw-correlation": envelope.correlation,
    }
    for name, value in (
        ("tw-cause", envelope.cause),
        ("traceparent", envelope.traceparent),
        ("tw-link", envelope.link),
    ):
        if value:
            headers[name] = value
    if message.ttl_s is not None:
        headers["Nats-TTL"] = f"{message.ttl_s}s"
    if envelope.redriven:
        envelope = envelope._replace(redriven=False)  # a person's wish about one message: not passed on
    return Packet(message.subject, headers, envelope)


def decode(packet: Packet) -> Envelope:
    """The envelope in a packet.

    Raises:
        Undecodable: a header is missing, the type is unknown, or the body does not fit its contract.
    """
    return packet.opened()


def _read(packet: Packet) -> Envelope:
    headers = packet.headers
    try:
        type_name = headers["ce-type"]
        envelope_id = headers["ce-id"]
        time = datetime.fromisoformat(headers["ce-time"])
    except KeyError as missing:
        raise Undecodable(f"the header {missing} is missing") from None
    except ValueError:
        raise Undecodable("ce-time is not an ISO 8601 time") from None
    known = contract(type_name)
    if known is None:
        raise Undecodable(f"the type {type_name!r} is unknown")
    try:
        message = known.model_validate_json(packet.body)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Undecodable(f"the body does not fit {type_name}: {where}: {first['msg']}") from None
    if message.subject and message.subject != packet.subject:
        # The bus checks who may publish on a subject; the body must not speak for anybody else.
        raise Undecodable(f"the body belongs on {message.subject}, not on {packet.subject}")
    return Envelope(
        id=envelope_id,
        message=message,
        source=headers.get("ce-source", ""),
        time=time,
        correlation=headers.get("tw-correlation", ""),
        cause=headers.get("tw-cause", ""),
        traceparent=headers.get("traceparent", ""),
        link=headers.get("tw-link", ""),
        redriven="tw-redriven" in headers,
    )
