"""What exists on the server, as data: the streams of design.md §4, and the durable consumers of services."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)

from tradewind.common.bus.node_users import consumer_name
from tradewind.common.reactor.wiring import Wiring

GIB = 2**30
DAY_S = 86_400.0

MAX_ACK_PENDING = 500
"""Inputs that a service may have in hand: a batch under way and the next ones."""
ACK_WAIT_S = 2.0
"""Then a message comes again if it, or its ack, was lost. A takeover does not wait for that: see `intake`."""
HEADROOM = 64 * 1024
"""A message must be so much smaller than the server allows that it fits with the headers of a dead letter."""
SAID_BYTES = 2**20
"""The most that a node, which runs what we do not know, may say at once."""


@dataclass(frozen=True, slots=True)
class Durable:
    """A consumer: the named reader's place in a stream. The server keeps it; its filters must not overlap."""

    stream: str
    name: str
    filters: tuple[str, ...]

    def config(self) -> ConsumerConfig:
        one = len(self.filters) == 1
        return ConsumerConfig(
            name=self.name,
            durable_name=self.name,
            deliver_policy=DeliverPolicy.ALL,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ACK_WAIT_S,
            max_deliver=-1,
            max_ack_pending=MAX_ACK_PENDING,
            filter_subject=self.filters[0] if one else None,
            filter_subjects=None if one else list(self.filters),
        )


def streams(
    *, owners: Iterable[str], max_message: int, events_bytes: int = 2 * GIB, logs_bytes: int = GIB
) -> tuple[StreamConfig, ...]:
    """The streams of design.md §4.

    Args:
        owners: who takes commands. A command for anybody else finds no stream, and its sender hears so.
        max_message: bytes, headers included, that the server takes.
    """
    stream = StreamConfig(
        storage=StorageType.FILE,
        num_replicas=1,
        max_msg_size=max_message - HEADROOM,
        max_bytes=GIB,
        max_age=0,
        duplicate_window=120.0,
        allow_direct=True,
        max_consumers=-1,
        max_msgs=-1,
    ).evolve
    return (
        stream(
            name="EVENTS",
            description="What happened; kept until every service has read it, and then by age and size.",
            subjects=["evt.>"],
            retention=RetentionPolicy.LIMITS,
            # A full stream pushes back. Only `retention` removes, and never what somebody has not read:
            # the server's own max_age would.
            discard=DiscardPolicy.NEW,
            max_bytes=events_bytes,
        ),
        stream(
            name="COMMANDS",
            description="What somebody asks the owner of a thing to do; kept until done.",
            subjects=[f"cmd.{owner}.>" for owner in sorted(owners)],
            retention=RetentionPolicy.WORK_QUEUE,
            discard=DiscardPolicy.NEW,
        ),
        stream(
            name="WANT",
            description="What each node should run: one last value a node and allocation.",
            subjects=["want.>"],
            retention=RetentionPolicy.LIMITS,
            discard=DiscardPolicy.OLD,  # with NEW, the next value of a subject would be refused
            max_msgs_per_subject=1,
            allow_msg_ttl=True,
        ),
        stream(
            name="SAID",
            description="What nodes and hands saw; kept until those who listen have read it.",
            # Four tokens for hands: subjects of one stream must not overlap.
            subjects=["said.*.node", "said.*.rank", "said.hand.*.*"],
            retention=RetentionPolicy.INTEREST,
            discard=DiscardPolicy.NEW,
            max_msg_size=min(SAID_BYTES, max_message - HEADROOM),
        ),
        stream(
            name="LOGS",
            description="The tail of what tasks print.",
            subjects=["log.>"],
            retention=RetentionPolicy.LIMITS,
            discard=DiscardPolicy.OLD,
            max_bytes=logs_bytes,
            max_age=7 * DAY_S,
        ),
        stream(
            name="DEAD",
            description="Inputs that their service could not take, until somebody re-drives them.",
            subjects=["dead.>"],
            retention=RetentionPolicy.LIMITS,
            discard=DiscardPolicy.OLD,  # a flood of garbage must not stop the services that set it aside
            max_bytes=GIB // 4,
            max_msg_size=-1,
        ),
    )


def durables(wirings: Iterable[Wiring]) -> tuple[Durable, ...]:
    """One for each stream that a service hears, with all subjects in it, so that there is one order."""
    return tuple(
        Durable(stream, wiring.service, filters)
        for wiring in wirings
        for stream, filters in wiring.subjects().items()
    )


def owners(durables: Iterable[Durable]) -> tuple[str, ...]:
    """Who takes commands."""
    return tuple(sorted({durable.name for durable in durables if durable.stream == "COMMANDS"}))


def wants_of(node: str) -> Durable:
    """The consumer that a node binds to: it may not make one itself. Made with the node, removed with it."""
    return Durable("WANT", consumer_name(node), (f"want.{node}.>",))


FIXED_OF_STREAM: Mapping[str, str] = {
    "storage": "how a stream is stored",
    "retention": "when a stream forgets a message",
}
FIXED_OF_DURABLE: Mapping[str, str] = {
    "deliver_policy": "where a consumer begins",
    "ack_policy": "how a consumer acks",
}
"""What the server does not change in place."""
