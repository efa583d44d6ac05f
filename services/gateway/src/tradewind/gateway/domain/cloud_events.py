"""Events as CloudEvents 1.0 in structured JSON mode, as they leave by HTTP."""

from datetime import datetime

from pydantic import Field, JsonValue

from tradewind.common.contracts.base import Value
from tradewind.common.contracts.envelope import Packet


class CloudEvent(Value):
    """https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md, with extension
    attributes.
    """

    specversion: str = "1.0"
    id: str
    type: str
    source: str
    subject: str = Field(description="The id of the thing that it is about.")
    time: datetime
    datacontenttype: str = "application/json"
    data: JsonValue = Field(description="The contract's body: the level of the thing after what happened.")
    workspace: str
    correlation: str = Field(description="The id of the thing, mostly a job, for which all of it happens.")
    cause: str = Field(default="", description="The id of the input that led to it.")
    traceparent: str = ""


class Timeline(Value):
    events: tuple[CloudEvent, ...]
    observed_at: datetime


def from_packet(packet: Packet, *, data: JsonValue) -> CloudEvent:
    """Raises KeyError for a packet without a CloudEvent's headers, ValueError for a time that is none."""
    headers = packet.headers
    return CloudEvent(
        id=headers["ce-id"],
        type=headers["ce-type"],
        source=headers.get("ce-source", ""),
        subject=headers.get("ce-subject", ""),
        time=datetime.fromisoformat(headers["ce-time"]),
        data=data,
        workspace=workspace_of(packet.subject),
        correlation=headers.get("tw-correlation", ""),
        cause=headers.get("tw-cause", ""),
        traceparent=headers.get("traceparent", ""),
    )


def workspace_of(subject: str) -> str:
    """Of `evt.<workspace>.<noun>.<event>`."""
    return subject.split(".", 2)[1]
